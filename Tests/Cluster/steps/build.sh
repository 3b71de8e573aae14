# shellcheck shell=bash
# Kubernetes from Debian's source package, which is newer than what Debian builds from it: the client alone.

KUBERNETES=k8s.io/kubernetes

is_built() {
    local program
    for program in "${PROGRAMS[@]}" pause; do [[ -x $BIN/$program ]] || return 1; done
    [[ -f $CACHE/pause.tar ]]
}

build_kubernetes() {
    install_packages "${CLUSTER_PACKAGES[@]}" gcc libc6-dev golang-go dpkg-dev \
        golang-github-modern-go-reflect2-dev golang-github-json-iterator-go-dev
    mkdir -p "$CACHE"
    (
        # Not `(...) || die`: within a condition bash would carry on after a failed command.
        trap '(($? == 0)) || say "cannot build Kubernetes; see the lines above and $CACHE/work/log"' EXIT
        exec 8>"$CACHE/lock"
        flock -n 8 || {
            say "waiting for another build"
            flock 8
        }
        if is_built; then
            say "Kubernetes $VERSION is in $BIN"
            exit
        fi
        began=$(now_us)
        work=$CACHE/work
        mkdir -p "$work" "$BIN"
        fetch_source "$work"
        mend_source "$work"
        generate_openapi "$work"
        compile "$work"
        make_pause "$work"
        rm -rf "$work"
        say "built Kubernetes $VERSION in $(seconds_since "$began") s"
    )
}

# The folder that Go takes for the package k8s.io/kubernetes.
source_folder() { printf '%s' "$1/go/src/$KUBERNETES"; }

# Debian's package sources as the machine has them, read for source packages; the machine's own lists stay as they are.
fetch_source() {
    local work=$1 source file options
    source=$(source_folder "$work")
    [[ ! -f $work/fetched ]] || return 0
    say "fetching Debian's source package of Kubernetes"
    rm -rf "$work/apt" "$source"
    mkdir -p "$work/apt/sources" "$work/apt/lists/partial" "$source"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [[ ! -f $file ]] || sed -n 's/^deb /deb-src /p' "$file" >"$work/apt/sources/$(basename "$file" .list).list"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [[ ! -f $file ]] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$work/apt/sources/$(basename "$file")"
    done
    options=(
        -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/apt/sources"
        -o "Dir::State::lists=$work/apt/lists" -o APT::Sandbox::User=root
    )
    quietly "$work/log" apt-get "${options[@]}" update
    cd "$work/apt" || die "cannot enter $work/apt"
    quietly "$work/log" apt-get "${options[@]}" source --download-only kubernetes
    tar -xzf kubernetes_*.orig.tar.gz -C "$source" --strip-components=1
    grep -q "^kubernetes (.*$VERSION" "$source/debian/changelog" 2>/dev/null ||
        compgen -G "kubernetes_*$VERSION*.orig.tar.gz" >/dev/null ||
        die "Debian's source package is no longer $VERSION"
    : >"$work/fetched"
}

mend_source() {
    local source package docker=vendor/github.com/google/cadvisor/container/docker/factory.go
    source=$(source_folder "$1")
    # The vendored reflect2 and json-iterator read maps in a way that crashes from Go 1.18 on; Debian's are mended.
    for package in modern-go/reflect2 json-iterator/go; do
        rm -rf "$source/vendor/github.com/$package"
        mkdir -p "$source/vendor/github.com/$package"
        find "/usr/share/gocode/src/github.com/$package" -maxdepth 1 \( -name '*.go' -o -name '*.s' \) \
            ! -name '*_test.go' -exec cp -L {} "$source/vendor/github.com/$package/" \;
    done
    # The kubelet would look for a Docker daemon five times, a second apart, before it starts.
    sed -i 's/\(rootDirRetries *= \)5$/\10/' "$source/$docker"
    grep -q 'rootDirRetries *= 0$' "$source/$docker" || die "cannot shorten the search for Docker in $docker"
}

go_build() {
    local work=$1
    shift
    GOPATH=$work/go GO111MODULE=off GOFLAGS='' CGO_ENABLED=0 quietly "$work/log" go build -trimpath "$@"
}

# The released archive lacks the OpenAPI definitions, which the apiserver compiles in.
generate_openapi() {
    local work=$1 packages
    [[ ! -f $work/generated ]] || return 0
    cd "$(source_folder "$work")" || die "the source is gone"
    say "generating the OpenAPI definitions"
    go_build "$work" -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
    # Packages ask for it in a comment; those that are staged here are found below vendor.
    packages=$(
        grep -rl --include='*.go' '^// +k8s:openapi-gen=true' pkg staging/src/k8s.io/{api,apiextensions-apiserver,apimachinery,apiserver,client-go,component-base,kube-aggregator,kube-controller-manager,kube-proxy,kube-scheduler,kubelet,metrics}* |
            xargs -n 1 dirname | sort -u | grep -v -E '/(test|testing|testdata|examples?)(/|$)' |
            sed "s#^staging/src#vendor#; s#^#$KUBERNETES/#" | paste -sd,
    )
    # It reads the standard library's types, and a trimmed program does not know where that is.
    GOROOT=$(go env GOROOT) GOPATH=$work/go GO111MODULE=off quietly "$work/log" "$work/openapi-gen" --logtostderr \
        --input-dirs "$packages" --output-package "$KUBERNETES/pkg/generated/openapi" \
        --output-file-base zz_generated.openapi --output-base "$work/go/src" \
        --go-header-file hack/boilerplate/boilerplate.generatego.txt --report-filename "$work/openapi-violations"
    : >"$work/generated"
}

compile() {
    local work=$1 program base=$KUBERNETES/vendor/k8s.io flags
    flags="-s -w -X $base/component-base/version.gitVersion=v$VERSION -X $base/component-base/version.gitMajor=1"
    flags+=" -X $base/component-base/version.gitMinor=20 -X $base/client-go/pkg/version.gitVersion=v$VERSION"
    cd "$(source_folder "$work")" || die "the source is gone"
    for program in "${PROGRAMS[@]}"; do
        say "building $program"
        go_build "$work" -ldflags "$flags" -o "$work/$program" "./cmd/$program"
        mv "$work/$program" "$BIN/$program"
    done
}

# What a pod's sandbox runs: it waits, and reaps orphans when it is the first process.
make_pause() {
    say "building pause"
    cat >"$1/pause.c" <<'C'
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int number) { (void)number; _exit(0); }
static void reap(int number) {
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0) {}
}

int main(void) {
    struct sigaction action = {.sa_handler = reap, .sa_flags = SA_NOCLDSTOP};
    sigaction(SIGCHLD, &action, NULL);
    action.sa_handler = end;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    for (;;) pause();
}
C
    gcc -static -O2 -o "$BIN/pause" "$1/pause.c"
    mkdir -p "$1/pause-root"
    cp "$BIN/pause" "$1/pause-root/pause"
    pack_image "$1/pause-root" localhost/pause:1 "$CACHE/pause.tar" 65535 /pause
}
