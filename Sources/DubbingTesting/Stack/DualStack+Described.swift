import Foundation

extension DualStack {
  /// The two stacks that a JSON file describes; a file that cannot be used is said when they are to be started.
  ///
  /// So a description can be a plain value, such as the argument of ``Testing/Trait/dualStack(_:)``; ``load(_:inherited:)`` throws at once.
  /// - Parameter path: a path from the working directory, which is the package's folder under `swift test`.
  public static func described(by path: String) -> DualStack { read(URL(filePath: path)) }
}
