import ComposeKit
import Foundation

extension DualStack {
  /// The two stacks that a JSON file describes; a file that cannot be used is said when they are to be started.
  ///
  /// So a description can be a plain value, such as the argument of ``Testing/Trait/dualStack(_:on:settings:)``.
  /// - Parameters:
  ///   - path: a path from the working directory, which is the package's folder under `swift test`.
  ///   - fixedPorts: whether the ports that the compose files name are published, and not those that the engine chooses.
  public static func described(by path: String, fixedPorts: Bool = false) -> DualStack {
    do {
      return try load(URL(filePath: path), fixedPorts: fixedPorts)
    } catch {
      let nothing = ComposeProject(name: "unusable", files: [])
      var stack = DualStack(media: nothing, sts: nothing)
      stack.problem = error
      return stack
    }
  }
}
