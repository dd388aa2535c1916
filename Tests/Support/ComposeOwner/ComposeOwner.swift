import ComposeKit
import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A process that owns a compose project, for tests that end such a process in every way.
///
/// `ComposeOwner <phase> <name> <compose file>` prints "at <phase> <project name>" when it is there, and waits to be killed. The
/// phases are those of `ServiceProgress`, and
/// - `beginning`: before anything is done;
/// - `probing`: while a probe is tried that never holds;
/// - `body`;
/// - `process`: the body also owns a child process, whose id is printed;
/// - `asking`: the body asks for the state of the services until that fails;
/// - `endpoint`: it prints where port 80 of the service `web` is reached, after it has connected to it, and ends by itself;
/// - `address`: the same without connecting.
/// `cancelling` needs no engine: it asks a port at which nobody listens, gives up each wait at about the time of its answer, and says
/// "at end".
/// `COMPOSEOWNER_SHARING=volume=NAME,network=NAME` tells it what it may share.
/// `COMPOSEOWNER_SECOND=ADDRESS` lets it own the project a second time, on the engine at that address, before the first.
/// An error is printed as "error <code>" and its description, and is exit code 1.
@main
struct ComposeOwner {
  static func main() async {
    // A test runner in the background of a script ignores SIGINT, and its children inherit that.
    signal(SIGINT, SIG_DFL)
    signal(SIGTERM, SIG_DFL)
    let arguments = CommandLine.arguments
    guard arguments.count == 4 else {
      FileHandle.standardError.write(Data("usage: ComposeOwner <phase> <name> <compose file>\n".utf8))
      exit(64)
    }
    if arguments[1] == "cancelling" { return await cancelRequests() }
    do {
      let project = ComposeProject(name: arguments[2], files: [arguments[3]], sharing: sharing)
      guard let address = ProcessInfo.processInfo.environment["COMPOSEOWNER_SECOND"] else {
        return try await own(project, phase: arguments[1])
      }
      let second = try await ComposeEngine.detect(address: address)
      try await withComposeStack(project, on: second, options: UpOptions(settlingTime: .milliseconds(300))) { stack in
        say("at second \(stack.projectName)")
        try await own(project, phase: arguments[1])
      }
    } catch let error as ComposeError {
      say("error \(error.code)\n\(error)")
      exit(1)
    } catch {
      say("error \(error)")
      exit(1)
    }
  }

  /// One at a time on each of two cores, as a task that is cancelled needs both to meet its answer.
  private static func cancelRequests() async {
    guard let url = URL(string: "http://127.0.0.1:9/") else { return }
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<500 {
            let request = Task {
              let request = URLRequest(url: url, cachePolicy: .reloadIgnoringLocalCacheData, timeoutInterval: 5)
              _ = try? await URLSession.shared.answer(to: request)
            }
            try? await Task.sleep(for: .microseconds(Int.random(in: 0...3_000)))
            request.cancel()
            await request.value
          }
        }
      }
    }
    say("at end")
  }

  private static var sharing: [SharedResource] {
    let words = ProcessInfo.processInfo.environment["COMPOSEOWNER_SHARING"]?.split(separator: ",") ?? []
    return words.compactMap { word in
      let parts = word.split(separator: "=").map(String.init)
      guard parts.count == 2 else { return nil }
      return parts[0] == "volume" ? .volume(parts[1]) : .network(parts[1])
    }
  }

  private static func own(_ project: ComposeProject, phase: String) async throws {
    let progress: @Sendable (ServiceProgress) -> Void = {
      if $0.phase.rawValue == phase { say("at \(phase) \($0.projectName)") }
    }
    var options = UpOptions(settlingTime: .milliseconds(300))
    if phase == "endpoint" { options.probes["web"] = [.tcp(port: 80)] }
    if phase == "probing" {
      options.probes["web"] = [
        .closure("never") {
          say("at probing \($0.projectName)")
          return false
        }
      ]
    }
    if phase == "beginning" { say("at beginning") }
    try await withComposeStack(project, options: options, progress: progress) { stack in
      if phase == "endpoint" || phase == "address" {
        return say("endpoint \(try await stack.endpoint(of: "web", port: 80)), \(stack.engine.description)")
      }
      if phase == "removing" { return }
      if phase == "process" {
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/bin/sleep")
        child.arguments = ["600"]
        try child.run()
        _ = try await ProcessGuard.register(child.processIdentifier)
        say("child \(child.processIdentifier)")
      }
      say("at body \(stack.projectName)")
      while phase == "asking" {
        _ = try await stack.exec("web", ["true"])
        try await Task.sleep(for: .milliseconds(50))
      }
      try await Task.sleep(for: .seconds(120))
    }
  }

  static func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
}
