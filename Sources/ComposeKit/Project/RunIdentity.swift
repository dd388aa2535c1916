import Foundation
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Who owns a running project, written into its name.
///
/// Compose puts the project's name on every container, network and volume as a label. A run id that tells the owner therefore
/// tells it for all of them, with no file beside them that could get lost. It is
/// `r` (or `k`: keep) + machine (5) + boot (2) + start of the owner (3) + process id (5) + counter, all in base 36.
package struct RunIdentity: Sendable, Hashable {
  var isKept: Bool
  var machine: String
  var boot: String
  var start: String
  var pid: Int32
  var counter: String

  var text: String {
    (isKept ? "k" : "r") + machine + boot + start + Digest.base36(UInt64(max(pid, 0)), width: 5) + counter
  }

  init(isKept: Bool, machine: String, boot: String, start: String, pid: Int32, counter: String) {
    self.isKept = isKept
    self.machine = machine
    self.boot = boot
    self.start = start
    self.pid = pid
    self.counter = counter
  }

  /// Reads the owner back from the name of a project, or nil if the name is not one of ours.
  package init?(projectName: String) {
    guard let dash = projectName.lastIndex(of: "-"), dash != projectName.startIndex else { return nil }
    let id = Array(projectName[projectName.index(after: dash)...])
    let digits = Set("0123456789abcdefghijklmnopqrstuvwxyz")
    guard id.count >= 17, id.count <= 24, id[0] == "r" || id[0] == "k", id.allSatisfy(digits.contains),
      let pid = Int32(String(id[11..<16]), radix: 36), pid > 0
    else { return nil }
    self.init(
      isKept: id[0] == "k", machine: String(id[1..<6]), boot: String(id[6..<8]), start: String(id[8..<11]), pid: pid,
      counter: String(id[16...]))
  }

  /// Whether the owner ran on this machine (and in this process id namespace) and is gone.
  ///
  /// `mark` gives the start mark of a process id. A project of another machine, or one to keep, is nobody's to sweep.
  func isAbandoned(seenFrom here: RunIdentity, mark: (Int32) async -> String?) async -> Bool {
    guard !isKept, machine == here.machine else { return false }
    guard boot == here.boot else { return true }
    guard let alive = await mark(pid) else { return true }
    return Digest.of(alive, width: 3) != start
  }

  // MARK: This process

  private static let counter = Atomic<Int>(0)

  /// An identity for one more project of this process.
  static func next(isKept: Bool) async -> RunIdentity {
    let pid = getpid()
    return RunIdentity(
      isKept: isKept, machine: machineDigest, boot: bootDigest,
      start: Digest.of(await ProcessMark.of(pid) ?? "unknown", width: 3), pid: pid,
      counter: Digest.base36(UInt64(counter.wrappingAdd(1, ordering: .relaxed).newValue), width: 1))
  }

  /// The machine and its process id namespace: a container that shares the engine's socket has other process ids.
  private static let machineDigest: String = {
    var text = ProcessInfo.processInfo.hostName
    #if os(Linux)
      text += (try? String(contentsOfFile: "/etc/machine-id", encoding: .utf8)) ?? ""
      text += (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
    #endif
    return Digest.of(text, width: 5)
  }()

  private static let bootDigest: String = {
    #if os(Linux)
      let boot = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
      return Digest.of(boot ?? "", width: 2)
    #else
      var time = timeval()
      var size = MemoryLayout<timeval>.size
      sysctlbyname("kern.boottime", &time, &size, nil, 0)
      // The clock may be set while the machine runs, and moves this by seconds; whole days are steady enough.
      return Digest.of("\(time.tv_sec / 86_400)", width: 2)
    #endif
  }()
}
