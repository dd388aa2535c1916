import Foundation

/// What to do where a program is missing: this package's own checkout installs it by itself.
package enum SetupAdvice {
  /// "run make setup, or …" in a checkout of this package, else only what comes after the "or".
  package static func or(_ alternative: String, in folder: String = FileManager.default.currentDirectoryPath) -> String
  {
    isCheckout(folder) ? "run make setup, or \(alternative)" : alternative
  }

  /// Whether a folder is in a checkout of this package, whose Makefile has that target; a user's Makefile may have another one.
  private static func isCheckout(_ folder: String) -> Bool {
    var folder = URL(fileURLWithPath: folder, isDirectory: true).standardized
    for _ in 0..<64 {
      let manifest = folder.appending(path: "Package.swift")
      if let text = try? String(contentsOf: manifest, encoding: .utf8) {
        return text.contains("name: \"swift-dubbing-e2e\"")
          && FileManager.default.fileExists(atPath: folder.appending(path: "Makefile").path(percentEncoded: false))
      }
      guard folder.path(percentEncoded: false) != "/" else { return false }
      folder.deleteLastPathComponent()
    }
    return false
  }
}
