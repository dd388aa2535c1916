/// A running project that this process has to remove, and the engine that it runs on.
struct OwnedProject: Sendable, Hashable {
  /// Its unique name.
  let name: String
  let access: EngineAccess

  /// What a watchdog is told of it.
  var registrations: [Watchdog.Registration] { [.engine(access), .project(name, engine: access.watchdogKey)] }
}

extension EngineAccess {
  /// What the watchdog calls it: one word.
  var watchdogKey: String { key.isEmpty ? "default" : key }
}
