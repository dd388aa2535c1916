import Foundation

/// The container in which this process runs, if it is one of the engine that is used.
enum OwnContainer {
  /// The address of the engine's host as seen from here; nil if this process is in no container of this engine, or in the host's network.
  static func gateway(of access: EngineAccess) async -> String? {
    guard let id = id() else { return nil }
    // A container of another engine, such as a machine that is itself a container, is not known to this one.
    let command = access.command(["container", "inspect", id], deadline: .seconds(10))
    guard let output = try? await command.run(), output.succeeded,
      let record = try? ContainerRecord.decode(output.standardOutput).first,
      record.hostConfig?.networkMode != "host"
    else { return nil }
    let routes = (try? String(contentsOfFile: "/proc/net/route", encoding: .utf8)) ?? ""
    return defaultGateway(inRoutes: routes)
      ?? record.networkSettings?.networks?.values.compactMap(\.gateway).filter { !$0.isEmpty }.min()
  }

  private static func id() -> String? {
    #if os(Linux)
      let mounts = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
      if let id = id(inMounts: mounts) { return id }
      guard ["/.dockerenv", "/run/.containerenv"].contains(where: FileManager.default.fileExists) else { return nil }
      let name = ProcessInfo.processInfo.hostName
      return name.count == 12 && name.allSatisfy(isDigit) ? name : nil
    #else
      return nil
    #endif
  }

  /// The id of the container in proc(5) mountinfo: the engine mounts its files for the host's name and resolver (pure).
  static func id(inMounts mounts: String) -> String? {
    // Every start asks, and a regular expression would take half a megabyte for it that is never given back.
    for line in mounts.outputLines {
      let fields = line.split(separator: " ")
      guard fields.count > 4, fields[4].hasPrefix("/etc/") else { continue }
      var source = fields[3].split(separator: "/")
      guard let file = source.popLast(), ["hostname", "hosts", "resolv.conf"].contains(file) else { continue }
      if source.last == "userdata" { source.removeLast() }
      if let id = source.last, id.count == 64, id.allSatisfy(isDigit) { return String(id) }
    }
    return nil
  }

  /// Whether it is a digit of an id, hexadecimal and lower-case.
  private static func isDigit(_ character: Character) -> Bool { character.isHexDigit && !character.isUppercase }

  /// The gateway of the default route in the kernel's table, whose numbers are little-endian hexadecimal (pure).
  static func defaultGateway(inRoutes table: String) -> String? {
    for line in table.outputLines.dropFirst() {
      let fields = line.split(whereSeparator: \.isWhitespace)
      guard fields.count > 7, fields[1] == "00000000", fields[7] == "00000000",
        let gateway = UInt32(fields[2], radix: 16),
        gateway != 0
      else { continue }
      return (0..<4).map { String(gateway >> ($0 * 8) & 0xff) }.joined(separator: ".")
    }
    return nil
  }
}
