import Glibc

/// Holds a folder, which is made if it is not there, against other clusters; the system lets go of it with the process.
final class FolderLock: Sendable {
    /// Why a folder cannot be used.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let file: Int32

    init(_ folder: String) throws(Failure) {
        if mkdir(folder, 0o700) != 0, errno != EEXIST {
            throw Failure(description: "cannot make \"\(folder)\": \(String(cString: strerror(errno)))")
        }
        let path = "\(folder)/lock"
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw Failure(description: "cannot write \"\(path)\": \(String(cString: strerror(errno)))")
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            throw Failure(description: "cannot use \"\(folder)\": another cluster runs in it")
        }
    }

    deinit {
        // A child that was just forked has the file too until it becomes its program; closing alone would leave it the lock.
        flock(file, LOCK_UN)
        close(file)
    }
}
