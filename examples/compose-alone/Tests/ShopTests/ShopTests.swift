import ComposeKit
import Foundation
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

@Suite("A shop and its stock")
struct ShopTests {
  @Test("The shop answers while its stock is away", .timeLimit(.minutes(3)))
  func shopWithoutStock() async throws {
    let shop = ComposeProject(name: "example-shop", files: ["compose/shop.yml"])
    let stock = ComposeProject(name: "example-stock", files: ["compose/stock.yml"])
    try await withComposeStacks([shop, stock]) { stacks in
      let web = try await stacks[0].endpoint(of: "web", port: 80)
      let before = try await page(of: web)
      #expect(before == "open\n")
      try await stacks[1].withStopped("database") {
        let meanwhile = try await page(of: web)
        #expect(meanwhile == "open\n")
      }
    }  // nothing is left of either, however this ended
  }

  @Test("A service that ends while it starts is an error with its last words", .timeLimit(.minutes(3)))
  func brokenStock() async throws {
    let stock = ComposeProject(
      name: "example-broken", files: ["compose/stock.yml"], environment: ["STOCK_COMMAND": "echo no disk; exit 3"])
    let error = try await #require(throws: ComposeError.self) {
      try await withComposeStacks([stock]) { _ in }
    }
    #expect(error.code == .exited)
    #expect("\(error)".contains("no disk"))
  }

  private func page(of web: Endpoint) async throws -> String {
    let address = try #require(URL(string: "http://\(web)/"))
    return String(decoding: try await URLSession.shared.data(from: address).0, as: UTF8.self)
  }
}
