import Foundation

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Brings images that this machine's engine has to an engine on another machine, with `save` and `load`.
///
/// Those that are missing there, and those that this machine has built anew since. What this machine has not, or has for another kind of
/// processor only, is built or pulled there as anywhere.
package struct ImageCopy: Sendable {
  let running: RunningProject
  let configuration: ProjectConfiguration
  let starter: StackStarter

  /// What tells an image from another one of its name, wherever it is kept.
  package struct Identity: Sendable, Hashable {
    package var id: String
    /// Operating system and processor: "linux/amd64".
    var platform: String
    /// When it was made and of which layers: engines may keep one image under several ids.
    var content: String
    package var names: [String]
    var bytes: Int

    static let format =
      "{{.Id}}\t{{.Os}}/{{.Architecture}}\t{{.Created}} {{json .RootFS.Layers}}\t{{json .RepoTags}}\t{{.Size}}"

    /// Reads a line that was printed in this format.
    package init?(line: String) {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 5, let names = try? JSONDecoder().decode([String]?.self, from: Data(fields[3].utf8)) else {
        return nil
      }
      (id, platform, content, self.names, bytes) = (fields[0], fields[1], fields[2], names, Int(fields[4]) ?? 0)
    }

    func isSame(as other: Identity) -> Bool { id == other.id || content == other.content }
  }

  /// The images to copy (pure).
  ///
  /// - Parameters:
  ///   - here: what this machine has of them.
  ///   - there: what the engine has of them.
  ///   - platform: what the engine's processor runs.
  package static func plan(
    _ configuration: ProjectConfiguration, services: Set<String>, here: [Identity], there: [Identity], platform: String,
    settings: StartSettings
  ) -> [Identity] {
    func named(_ image: String, _ all: [Identity]) -> Identity? {
      let name = ImageNames.listed(image)
      return all.first { $0.names.contains { ImageNames.listed($0) == name } }
    }
    let built = Set(configuration.services.values.filter(\.isBuilt).map { ImageNames.listed($0.image) })
    var chosen: [Identity] = []
    for image in Set(services.compactMap { configuration.services[$0]?.image }).sorted() {
      let isBuilt = built.contains(ImageNames.listed(image))
      guard isBuilt ? settings.build != .always : settings.pull != .always,
        let own = named(image, here), own.platform == platform, !chosen.contains(own)
      else { continue }
      if let other = named(image, there) {
        // One that nobody here builds may well be another one on purpose.
        guard isBuilt, !own.isSame(as: other) else { continue }
      }
      chosen.append(own)
    }
    return chosen
  }

  /// Copies what is to be copied; nothing is done, and nothing asked, for an engine of this machine.
  ///
  /// - Throws: ``ComposeError`` `pullFailed` with what docker says; `timedOut`.
  func run(for services: Set<String>) async throws {
    let engine = running.engine
    // Podman's own tools have another form for this, which nobody has tried.
    guard engine.isRemote, engine.access.family == .docker else { return }
    let source = EngineAccess(program: engine.program, context: "default")
    let images = Set(services.compactMap { configuration.services[$0]?.image }).sorted()
    let here = await identities(of: images, on: source)
    // As a rule, or without an engine of its own, this machine has none of them.
    guard !here.isEmpty else { return }
    // Two projects, or two runs, may need the same image at once.
    let path = FileManager.default.temporaryDirectory.appending(
      path: "composekit-images-\(getuid())-\(engine.access.key.isEmpty ? "usual" : engine.access.key)"
    ).path(percentEncoded: false)
    let lock = try await FileLock.take(
      path + ".lock", .exclusive, within: starter.settings.pullTimeout,
      holder: "somebody else copies images to \(engine)")
    let plan = Self.plan(
      configuration, services: services, here: here, there: await identities(of: images, on: engine.access),
      platform: try await engine.access.platform(), settings: starter.settings)
    if !plan.isEmpty { try await copy(plan, from: source, by: path + ".tar", for: services) }
    withExtendedLifetime(lock) {}
  }

  private func copy(
    _ plan: [Identity], from source: EngineAccess, by file: String, for services: Set<String>
  ) async throws {
    let names = plan.flatMap(\.names).map(ImageNames.listed)
    let needing = services.filter { names.contains(ImageNames.listed(configuration.services[$0]?.image ?? "")) }
    let wanted = Set(needing.compactMap { configuration.services[$0]?.image }).sorted()
    let megabytes = plan.reduce(0) { $0 + $1.bytes } / 1_000_000
    starter.report(
      needing, .loading,
      reason: "\(wanted.joined(separator: ", ")), \(megabytes) MB, from this machine to \(running.engine.host)")
    defer { try? FileManager.default.removeItem(atPath: file) }
    let deadline = starter.settings.pullTimeout
    for command in [
      // All in one: what they have in common is sent once.
      source.command(["save", "--output", file] + wanted, deadline: deadline),
      running.onEngine(["load", "--quiet", "--input", file], deadline: deadline),
    ] {
      try await command.runChecked(
        .pullFailed, "\(wanted.joined(separator: ", ")) could not be copied from this machine to \(running.engine.host)"
      )
    }
  }

  /// What an engine has of these images; none if it does not answer.
  private func identities(of images: [String], on access: EngineAccess) async -> [Identity] {
    guard !images.isEmpty else { return [] }
    // Fails where one is missing, and still prints the others.
    let command = access.command(["image", "inspect", "--format", Identity.format] + images, deadline: .seconds(30))
    return ((try? await command.run())?.standardOutput.outputLines ?? []).compactMap(Identity.init)
  }
}
