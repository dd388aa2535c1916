import ComposeKit
import ComposeTesting
import Foundation

/// What a run ran on: the programs and the machine that its figures belong to.
package struct RunVersions: Sendable, Hashable, Codable {
  /// The docker engine, e.g. "20.10.24".
  package var engine: String
  /// The compose command and its version, e.g. "docker compose 2.26.1".
  package var compose: String
  package var ffmpeg: String
  package var swift: String
  package var os: String
  package var cores: Int

  package init(engine: String, compose: String, ffmpeg: String, swift: String, os: String, cores: Int) {
    self.engine = engine
    self.compose = compose
    self.ffmpeg = ffmpeg
    self.swift = swift
    self.os = os
    self.cores = cores
  }
}

extension RunVersions {
  /// Asks the programs; one that does not answer is "unknown", since a version is never worth a failed run.
  static func detect(on engine: ComposeEngine) async -> RunVersions {
    async let ffmpeg = firstLine(of: "ffmpeg", "-version")
    async let swift = firstLine(of: "swift", "--version")
    return await RunVersions(
      engine: engine.engineVersion, compose: "\(engine.command.joined(separator: " ")) \(engine.composeVersion)",
      ffmpeg: short(ffmpeg, after: "ffmpeg version "), swift: short(swift, after: "Swift version "),
      os: ProcessInfo.processInfo.operatingSystemVersionString, cores: ConcurrencyLimit.cores)
  }

  private static func firstLine(of program: String, _ argument: String) async -> String {
    let result = try? await MediaTool.run(program, [argument], timeout: .seconds(20))
    return result?.standardOutput.split(whereSeparator: \.isNewline).first.map(String.init) ?? "unknown"
  }

  /// "ffmpeg version 5.1.6-0+deb12u1 Copyright (c) …" → "5.1.6-0+deb12u1".
  package static func short(_ line: String, after words: String) -> String {
    guard let range = line.range(of: words) else { return line }
    return line[range.upperBound...].split(separator: " ").first.map(String.init) ?? line
  }
}
