import Glibc
import JSON
import Kubernetes

/// The node that this machine is.
enum NodeObject {
    /// - Parameters:
    ///   - old: What is registered already.
    static func make(
        _ name: String,
        address: String,
        podRange: String,
        over old: JSONValue?,
        now: Timestamp
    ) -> JSONValue {
        var node: JSONValue =
            old ?? [
                "apiVersion": "v1", "kind": "Node",
                "metadata": [
                    "name": .string(name),
                    "labels": [
                        "kubernetes.io/hostname": .string(name), "kubernetes.io/os": "linux",
                        "kubernetes.io/arch": .string(architecture),
                    ],
                ],
                "spec": ["podCIDR": .string(podRange), "podCIDRs": [.string(podRange)]],
            ]
        var resources: JSONValue = [
            "cpu": .string("\(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1))"),
            "memory": .string("\(sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) / 1024)Ki"),
            "pods": "110",
        ]
        if let bytes = diskBytes { resources["ephemeral-storage"] = .string("\(bytes / 1024)Ki") }
        var status: JSONValue = [
            "capacity": resources, "allocatable": resources,
            "addresses": [
                ["type": "InternalIP", "address": .string(address)], ["type": "Hostname", "address": .string(name)],
            ],
            "nodeInfo": [
                "machineID": "", "systemUUID": "",
                "bootID": .string(line("/proc/sys/kernel/random/boot_id")),
                "kernelVersion": .string(line("/proc/sys/kernel/osrelease")), "osImage": "Linux",
                "containerRuntimeVersion": "process://1.0", "kubeletVersion": "v1.32.0+homeostat",
                "kubeProxyVersion": "v1.32.0+homeostat", "operatingSystem": "linux",
                "architecture": .string(architecture),
            ],
        ]
        status["conditions"] = .array(conditions(old?.status["conditions"]?.array ?? [], now))
        node["status"] = status
        return node
    }

    private static func conditions(_ old: [JSONValue], _ now: Timestamp) -> [JSONValue] {
        [
            ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ].map { type, value, reason, message in
            let same = old.first { $0["type"]?.string == type && $0["status"]?.string == value }
            return [
                "type": .string(type), "status": .string(value), "lastHeartbeatTime": .string(now.description),
                "lastTransitionTime": same?["lastTransitionTime"] ?? .string(now.description),
                "reason": .string(reason), "message": .string(message),
            ]
        }
    }

    private static func line(_ path: String) -> String {
        (Files.readText(path) ?? "").split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    }

    private static var diskBytes: Int? {
        var info = statvfs()
        guard statvfs("/", &info) == 0 else { return nil }
        return Int(clamping: UInt64(info.f_blocks) * UInt64(info.f_frsize))
    }

    #if arch(arm64)
    private static let architecture = "arm64"
    #else
    private static let architecture = "amd64"
    #endif
}
