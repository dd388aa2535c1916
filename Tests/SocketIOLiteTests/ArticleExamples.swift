import ComposeTesting
import Foundation
import Testing

/// The examples in the articles are the code of `ExampleTests` and its neighbours, which runs: here they are compared.
@Suite("The articles' examples", .kind(.logic))
struct ArticleExamples {
  /// What the articles show in place of what a test must be given.
  static let literals = [
    #""http://localhost:3000""#: "url", #""https://sts.example.org""#: "secureURL",
    #""certificates/ca.pem""#: "authority",
  ]

  private static let tests = URL(filePath: #filePath).deletingLastPathComponent()
  private static let articles = tests.appending(path: "../../Sources/SocketIOLite/SocketIOLite.docc").standardized

  private struct Example: CustomTestStringConvertible {
    var article: String
    var code: [String]
    var testDescription: String { "\(article): \(code.first ?? "")" }
  }

  private static func files(in folder: URL, _ isMeant: (String) -> Bool) throws -> [(name: String, lines: [String])] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().filter(isMeant).map { name in
      let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
      return (name, text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) })
    }
  }

  private static func examples() throws -> [Example] {
    try files(in: articles) { $0.hasSuffix(".md") }.flatMap { article in
      var examples: [Example] = []
      var code: [String]?
      for line in article.lines {
        if line == "```swift" {
          code = []
        } else if line == "```", let whole = code {
          examples.append(Example(article: article.name, code: whole))
          code = nil
        } else if line != "import SocketIOLite" {
          code?.append(line)
        }
      }
      return examples
    }
  }

  @Test("Each example of an article stands in a test, line by line")
  func compared() throws {
    let sources = try Self.files(in: Self.tests) { $0.hasPrefix("Example") }.map { $0.lines.joined(separator: "\n") }
    let examples = try Self.examples()
    // The client's rows and the tap's.
    #expect(examples.count >= 15)
    for example in examples {
      let code = Self.literals.reduce(example.code.joined(separator: "\n")) {
        $0.replacingOccurrences(of: $1.key, with: $1.value)
      }
      let isThere = sources.contains { $0.contains(code) }
      #expect(isThere, "\(example.testDescription) is in no test:\n\(code)")
    }
  }
}
