// swift-tools-version: 6.2
import PackageDescription

// What a team's own test package looks like. Theirs has the dependency by its URL and version; this one is built against the checkout.
let package = Package(
  name: "own-pipeline",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "swift-dubbing-e2e", path: "../..")
  ],
  targets: [
    .testTarget(
      name: "OwnPipelineTests",
      dependencies: [.product(name: "DubbingTesting", package: "swift-dubbing-e2e")])
  ],
  swiftLanguageModes: [.v6]
)
