import ComposeKit
import Testing

// The Swift of ComposeKit's articles; scripts/check-docs.py compares the two.

private struct StartTwoProjects {
  @Test("The shop answers while the stock is away")
  func shopWithoutStock() async throws {
    let shop = ComposeProject(name: "shop", files: ["compose/shop.yml"])
    let stock = ComposeProject(name: "stock", files: ["compose/stock.yml"])
    var options = UpOptions(timeout: .seconds(30))
    options.probes["web"] = [.http(port: 80, path: "/health")]

    try await withComposeStacks([shop, stock], options: options) { stacks in
      let address = try await stacks[0].endpoint(of: "web", port: 80)
      try await stacks[1].withStopped("database") {
        print("ask http://\(address)/ here")
      }
    }
  }

  static func watch(shop: ComposeProject, stock: ComposeProject) async throws {
    try await withServiceProgress { steps in
      for await step in steps where step.phase == .failed { print(step.reason ?? "") }
    } during: { progress in
      try await withComposeStacks([shop, stock], progress: progress) { stacks in
        print(stacks.map(\.readyAfter))
      }
    }
  }

  static func disturb(stack: ComposeStack) async throws {
    try await stack.withPaused("web") {}
    try await stack.withDisconnected("web", network: "default") {}
    try await stack.kill("web")
    try await stack.start("web")
  }

  static func read(stack: ComposeStack) async throws {
    let line = try await stack.withLogs(service: "web") { logs in
      try await logs.first { $0.text.contains("listening") }
    }
    print(line?.text ?? "it ended without that line")
  }

  static func explain(shop: ComposeProject) async throws {
    do {
      try await withComposeStack(shop) { _ in }
    } catch let error as ComposeError where error.code == .exited {
      print(error.service ?? "", error.exitCode ?? 0, error.evidence.joined(separator: "\n"))
    }
  }
}

private struct WhatIsOthers {
  static func share() {
    let shop = ComposeProject(
      name: "shop", files: ["compose/shop.yml"], sharing: [.volume("model-weights"), .network("shop-net")])
    let worker = ComposeProject(name: "worker", files: ["compose/worker.yml"], startsAfter: ["shop"])
    print(shop, worker)
  }
}

private struct AnotherEngine {
  static func onBoth(shop: ComposeProject) async throws {
    let second = try await ComposeEngine.detect(address: "unix:///run/podman/podman.sock")
    try await withComposeStack(shop) { here in
      try await withComposeStack(shop, on: second) { there in
        let states = try await [here.services(), there.services()]
        print(states)
      }
    }
  }
}
