// swift-tools-version: 6.2
import PackageDescription

// ComposeKit alone: neither BoringSSL nor FFTW is compiled for it. Yours has the dependency by its URL and version.
let package = Package(
  name: "compose-alone",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "swift-dubbing-e2e", path: "../..")
  ],
  targets: [
    .testTarget(
      name: "ShopTests",
      dependencies: [.product(name: "ComposeKit", package: "swift-dubbing-e2e")])
  ],
  swiftLanguageModes: [.v6]
)
