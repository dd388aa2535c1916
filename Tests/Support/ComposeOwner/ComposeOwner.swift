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
/// phases are those of `ServiceProgress`, `body`, `process` (the body also owns a child process, whose id is printed), and
/// `endpoint`: it prints where port 80 of the service `web` is reached, after it has connected to it, and ends by itself.
@main
struct ComposeOwner {
  static func main() async throws {
    // A test runner in the background of a script ignores SIGINT, and its children inherit that.
    signal(SIGINT, SIG_DFL)
    signal(SIGTERM, SIG_DFL)
    let arguments = CommandLine.arguments
    guard arguments.count == 4 else {
      FileHandle.standardError.write(Data("usage: ComposeOwner <phase> <name> <compose file>\n".utf8))
      exit(64)
    }
    let phase = arguments[1]
    let project = ComposeProject(name: arguments[2], files: [arguments[3]])
    let progress: @Sendable (ServiceProgress) -> Void = {
      if $0.phase.rawValue == phase { say("at \(phase) \($0.projectName)") }
    }
    var options = UpOptions()
    if phase == "endpoint" { options.probes["web"] = [.tcp(port: 80)] }
    try await withComposeStack(project, options: options, progress: progress) { stack in
      if phase == "endpoint" {
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
      try await Task.sleep(for: .seconds(120))
    }
  }

  static func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
}
