import ComposeKit
import ComposeTesting
import Foundation
import Testing

// The Swift of ComposeTesting's articles; scripts/check-docs.py compares the two.

@Suite(.compose(ComposeProject(name: "shop", files: ["compose.yml"])))
struct Shop {}

extension Shop {
  @Suite struct Basket {
    @Test func isEmptyAtFirst() async throws {
      let address = try await ComposeEnvironment.stack().endpoint(of: "web", port: 80)
      #expect(address.port > 0)
    }
  }
}

extension Shop {
  @Suite("While the stock is away", .compose(ComposeProject(name: "stock", files: ["stock.yml"])))
  struct WithoutStock {
    @Test func orderWaits() async throws {
      try await ComposeEnvironment.stack("stock").withStopped("database") {
        // Ask the shop here.
      }
    }
  }
}

extension Tag {
  @Tag static var slow: Self
}

@Suite("Everything", .selectedTags("SHOP_TAGS"))
struct Everything {
  @Test(.tags(.slow)) func yearsOfOrders() {}
}

extension Trait where Self == SharedEnvironmentTrait<URL> {
  static var scratchFolder: Self {
    SharedEnvironmentTrait(
      LazyEnvironment("a scratch folder") { ready in
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await ready(folder)
      })
  }
}
