import ComposeKit
import Foundation
import Subprocess
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A docker engine of a test's own that may be killed, restarted, and given too little of everything.
///
/// It lives in network, mount and process id namespaces of its own. A second dockerd beside the machine's is not harmless without:
/// with `--bridge none` it deletes docker0, with another `--bip` it changes its address. When the test's process ends, its
/// pipe to the first process of the namespaces closes, and the kernel ends every process in them, containers included.
struct PrivateEngine: Sendable {
  let folder: String
  private let tell: @Sendable (String) async throws -> Void
  /// Where it listens, as in DOCKER_HOST.
  var address: String { "unix://\(folder)/docker.sock" }
  var environment: [String: String] { ["DOCKER_HOST": address] }

  /// Why there can be no such engine here, or nil. CI never takes that for an answer: there the test runs, and fails.
  static let isPossible: Bool = {
    if !["", "0", "false"].contains(ProcessInfo.processInfo.environment["CI"] ?? "") { return true }
    #if os(Linux)
      let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":") + ["/usr/sbin"]
      return geteuid() == 0 && path.contains { FileManager.default.isExecutableFile(atPath: "\($0)/dockerd") }
    #else
      return false
    #endif
  }()
  static let need: Comment = "a second docker engine needs Linux, root, dockerd and unshare"

  /// $1 folder, $2 size of its disk, $3 its address pool, $4 the host's network namespace.
  private static let script = #"""
    [ "$(readlink /proc/self/ns/net)" != "$4" ] || { echo "not in a network of its own"; exit 1; }
    PATH=$PATH:/usr/sbin:/sbin
    mkdir -p "$1/data"
    [ -z "$2" ] || mount -t tmpfs -o "size=$2" none "$1/data" || exit 1
    pid=
    end() { [ -z "$pid" ] || { kill "-$1" "$pid"; wait "$pid"; pid=; }; }
    while read -r verb; do
      case $verb in
        start)
          rm -f "$1/pid" "$1/docker.sock"
          dockerd --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" -H "unix://$1/docker.sock" \
            --iptables=false --ip6tables=false --bip 10.213.255.1/24 --default-address-pool "$3" \
            --shutdown-timeout 2 --cgroup-parent "/${1##*/}" >>"$1/log" 2>&1 &
          pid=$! ;;
        kill) end KILL ;;
        stop) end TERM ;;
      esac
      echo "done $verb"
    done
    end TERM
    """#

  /// Removes its control groups, once the last processes in them are gone.
  private static func removeControlGroups(of folder: String) async -> Bool {
    let name = URL(fileURLWithPath: folder).lastPathComponent
    return await EngineFixture.eventually {
      // Fails as long as one of them is in use.
      let result = try? await Subprocess.run(
        .name("find"),
        arguments: ["/sys/fs/cgroup", "-depth", "-type", "d", "-path", "*/\(name)*", "-exec", "rmdir", "{}", "+"],
        output: .discarded, error: .discarded)
      return result?.terminationStatus.isSuccess == true
    }
  }

  private static let folderPrefix = "ckt-engine-"

  /// A watchdog that asks once more when its test's engine has ended leaves word of it, which every later start would tell.
  private static func forgetEnginesThatAreGone() {
    for entry in LeftBehind.ofThisUser.entries() {
      guard let name = entry.command.split(separator: "/").first(where: { $0.hasPrefix(folderPrefix) }),
        !FileManager.default.fileExists(atPath: "/tmp/\(name)")
      else { continue }
      try? FileManager.default.removeItem(atPath: entry.file)
    }
  }

  /// Starts an engine that has the base image, and ends it after `body`.
  static func with(
    diskSize: String = "", pool: String = "base=10.213.0.0/17,size=24",
    _ body: @escaping @Sendable (PrivateEngine) async throws -> Void
  ) async throws {
    let folder = "/tmp/\(folderPrefix)" + String(UInt64.random(in: 0..<2_176_782_336), radix: 36)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer {
      try? FileManager.default.removeItem(atPath: folder)
      forgetEnginesThatAreGone()
    }
    let network = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
    let result = try await Subprocess.run(
      .name("unshare"),
      arguments: [
        "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script, "private-engine",
        folder, diskSize, pool, network,
      ], input: .inputWriter, output: .sequence, error: .combinedWithOutput
    ) { execution -> Result<Void, any Error> in
      let (said, input) = AsyncStream<String>.makeStream()
      let reader = Reader(said)
      return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for try await line in execution.standardOutput.strings() { input.yield(line) }
          input.finish()
        }
        let engine = PrivateEngine(folder: folder) { verb in
          _ = try await execution.standardInputWriter.write(verb + "\n")
          try await reader.expect("done \(verb)")
        }
        var result = Result<Void, any Error>.success(())
        do {
          try await engine.start()
          try await engine.loadBaseImage()
          try await body(engine)
        } catch {
          result = .failure(error)
        }
        // The script tidies up at the end of its input, which an error thrown from here would not let it do.
        try await execution.standardInputWriter.finish()
        try await group.waitForAll()
        return result
      }
    }
    try result.closureResult.get()
    #expect(result.terminationStatus.isSuccess)
    // Every process of its namespace has ended with the script, at the latest.
    let isTidy = await removeControlGroups(of: folder)
    #expect(isTidy, "control groups of the private engine are left")
    let left = ProcessTable.mentioning(folder)
    #expect(left == [], "processes of the private engine are left")
  }

  /// Reads what the script prints, one answer after the other.
  private actor Reader {
    private let lines: AsyncStream<String>
    init(_ lines: AsyncStream<String>) { self.lines = lines }
    func expect(_ answer: String) async throws {
      var heard: [String] = []
      for await line in lines {
        if line == answer { return }
        heard.append(line)
      }
      throw ComposeError(.commandFailed, "the private engine's script ended without \"\(answer)\"", evidence: heard)
    }
  }

  /// Starts dockerd, and returns when it answers.
  ///
  /// Once more if it does not: what a killed one has left running, containerd above all, can keep the next from starting.
  func start() async throws {
    var answers = try await startOnce()
    if !answers {
      try await kill()
      answers = try await startOnce()
    }
    let log = (try? String(contentsOfFile: "\(folder)/log", encoding: .utf8)) ?? ""
    try #require(answers, "dockerd does not answer; the end of its log: \(log.suffix(2000))")
  }

  private func startOnce() async throws -> Bool {
    try await tell("start")
    return await EngineFixture.eventually { (try? await docker(["version"])) != nil }
  }

  /// Ends dockerd with SIGKILL: containers go on.
  func kill() async throws { try await tell("kill") }

  /// Ends dockerd with SIGTERM, as `systemctl restart docker` does: it ends its containers first.
  func stop() async throws { try await tell("stop") }

  @discardableResult
  func docker(_ arguments: [String]) async throws -> String {
    try await EngineFixture.docker(arguments, environment: environment)
  }

  /// A few programs of the base image under its name: 3 MB, so that it is there in no time.
  private func loadBaseImage() async throws {
    let pack =
      "cd / && f=$(type -P sh sleep touch test cat true dd rm) && l=$(ldd $f | grep -o '/[^ :)]*')"
      + " && printf '%s\\n' /tmp $f $l | sort -u | tar chf /rootfs/rootfs.tar --hard-dereference -T - 2>/dev/null"
    try await EngineFixture.docker([
      "run", "--rm", "--network", "none", "--volume", "\(folder):/rootfs", "e2e-base:bookworm", "bash", "-c", pack,
    ])
    try await docker(["import", "\(folder)/rootfs.tar", "e2e-base:bookworm"])
  }
}
