// swift-tools-version: 6.2
import PackageDescription

// SocketIOLite alone, without docker. Yours has the dependency by its URL and version.
let package = Package(
  name: "tap-alone",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "swift-dubbing-e2e", path: "../.."),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: [
    .testTarget(
      name: "KitchenTests",
      dependencies: [
        .product(name: "SocketIOLite", package: "swift-dubbing-e2e"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
