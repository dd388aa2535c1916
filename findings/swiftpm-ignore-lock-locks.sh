#!/usr/bin/env bash
# SwiftPM of Swift 6.3.1 (swift.org; too large to be fetched here, so it must be on the PATH).
# Run: in a package of one test that waits, `swift test --skip-build --ignore-lock`; while it waits, `swift test --skip-build` without the flag, then with it.
# Seen: the one without the flag waits for the one that has it; with it, it runs at once.
# Surprising: the flag passes over another one's lock, and takes the lock all the same where it is free. So of two commands of which only one has it,
#   whichever begins first decides whether they run side by side: two jobs of CI take as long as both, or as the longer one, by chance.
# What to do: give the flag to both.
set -euo pipefail
work=$(mktemp -d)
first=
cleanup() {
  touch "$work/go"
  [ -z "$first" ] || wait "$first" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work"
version=$(swift --version 2>/dev/null | grep -oE 'swift-[0-9.]+-RELEASE' | head -n 1) || true
[ "$version" = swift-6.3.1-RELEASE ] || { echo "needs Swift 6.3.1 on the PATH, found: ${version:-none}" >&2; exit 2; }
mkdir -p Tests/WaitTests
cat >Package.swift <<'SWIFT'
// swift-tools-version: 6.0
import PackageDescription
let package = Package(name: "wait", targets: [.testTarget(name: "WaitTests")])
SWIFT
cat >Tests/WaitTests/WaitTests.swift <<'SWIFT'
import Foundation
import Testing

@Test func waits() async throws {
  try Data().write(to: URL(fileURLWithPath: "began-\(getpid())"))
  for _ in 0..<600 where !FileManager.default.fileExists(atPath: "go") { try await Task.sleep(for: .milliseconds(100)) }
}
SWIFT
swift build --build-tests >build.log 2>&1 || { cat build.log >&2; exit 2; }

swift test --skip-build --ignore-lock >first.log 2>&1 &
first=$!
for _ in $(seq 300); do compgen -G 'began-*' >/dev/null && break; sleep 0.1; done
compgen -G 'began-*' >/dev/null || { echo "the first did not begin" >&2; cat first.log >&2; exit 2; }

# One after the other: how each begins.
seen() {
  timeout 20 swift test --skip-build "$@" >second.log 2>&1 || true
  if grep -q 'Another instance of SwiftPM.*waiting' second.log; then echo waits
  elif grep -q 'will be ignored' second.log; then echo "runs"
  else cat second.log; fi
}
result="without the flag: $(seen); with it: $(seen --ignore-lock)"
wanted="without the flag: waits; with it: runs"
[ "$result" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$result" >&2; exit 1; }
printf 'As described:\n%s\n' "$result"
