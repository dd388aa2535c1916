import ComposeKit
import Foundation

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
    do {
      try await own(ComposeProject(name: arguments[2], files: [arguments[3]]), phase: arguments[1])
    } catch let error as ComposeError {
      say("error \(error.code)\n\(error)")
      exit(1)
    } catch {
      say("error \(error)")
      exit(1)
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
