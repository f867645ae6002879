import FleetModel
import Testing

@testable import FleetCtlKit

@Suite struct ConfigFileTests {
    private func problems(_ text: String) -> [String] {
        do {
            _ = try ConfigFile(name: "c.yaml", text: text)
            return []
        } catch {
            return error.all.map(\.description)
        }
    }

    @Test func flatAndNestedKeysMeanTheSame() throws {
        let flat = try ConfigFile(name: "f", text: "settle.batch_size: 5\nflood.limits: false\n")
        let nested = try ConfigFile(name: "f", text: "settle: {batch_size: 5}\nflood:\n  limits: false\n")
        #expect(flat.values == ["settle.batch_size": .int(5), "flood.limits": .bool(false)])
        #expect(nested == flat)
    }

    @Test func jsonIsTakenToo() throws {
        let file = try ConfigFile(name: "f", text: #"{"greeting": "Hi", "flood.bot_per_second": 12.5}"#)
        #expect(file.values == ["greeting": .string("Hi"), "flood.bot_per_second": .double(12.5)])
    }

    @Test func anUnknownKeyNamesLineAndNearestKey() {
        let found = problems("# comment\n\ngreting: hello\n")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("c.yaml:3: greting: unknown key") == true)
        #expect(found.first?.contains("greeting") == true)
    }

    @Test func everyProblemIsReportedWithItsLine() {
        let found = problems("greeting: 5\nsettle:\n  batch_size: 0\n  nonsense: 1\nlog.level: loud\n")
        #expect(found.map { $0.prefix(9) } == ["c.yaml:1:", "c.yaml:3:", "c.yaml:4:", "c.yaml:5:"])
        #expect(found.first?.contains("quotes") == true)
        #expect(found[1].contains("1 to 2000"))
    }

    @Test func whatIsNoYAMLIsOneLine() {
        for text in ["a: [1", "a: b: c", "\tx: 1", "greeting: a\ngreeting: b\n"] {
            let found = problems(text)
            #expect(found.count == 1, "\(text)")
            #expect(found.first?.contains("\n") == false)
            #expect(found.first?.contains("c.yaml:") == true)
        }
    }

    @Test func emptyFilesListsAndNullsAreRefused() {
        #expect(problems("") == ["c.yaml: the file is empty"])
        #expect(problems("- a\n").first?.contains("expected a map") == true)
        #expect(problems("greeting:\n").first?.contains("--unset greeting") == true)
        #expect(problems("{}").first?.contains("sets nothing") == true)
    }

    @Test func aMenuIsReadWholeAndChecked() throws {
        let good = "menu:\n  start: home\n  screens: {home: {text: \"Hi\"}}\n"
        #expect(try ConfigFile(name: "f", text: good).values["menu"] != nil)
        #expect(problems("menu:\n  start: away\n  screens: {home: {text: \"Hi\"}}\n").first?.contains("away") == true)
    }

    @Test func assignmentsAreReadByTheirKeysType() throws {
        let values = try ConfigArguments.values(["greeting=12=3", "settle.batch_size=7", "flood.limits=true"])
        #expect(values == ["greeting": .string("12=3"), "settle.batch_size": .int(7), "flood.limits": .bool(true)])
        #expect(throws: ConfigFile.Problems.self) { try ConfigArguments.values(["greeting"]) }
        #expect(throws: ConfigFile.Problems.self) { try ConfigArguments.values(["settle.batch_size=many"]) }
        #expect(throws: ConfigFile.Problems.self) { try ConfigArguments.removals(["greting"], besides: [:]) }
    }

    @Test func scopesExcludeEachOther() throws {
        #expect(try ConfigArguments.scope(label: nil, bot: nil) == .global)
        #expect(try ConfigArguments.scope(label: "tier=gold", bot: nil) == .label(key: "tier", value: "gold"))
        #expect(throws: Fault.self) { try ConfigArguments.scope(label: "tier=gold", bot: "shop") }
        #expect(throws: Fault.self) { try ConfigArguments.scope(label: "tier", bot: nil) }
        #expect(throws: Fault.self) { try ConfigArguments.scope(label: nil, bot: "Not A Bot") }
    }

    @Test func theTableOfKeysHasEveryKeyOnce() {
        let lines = ConfigKeysTable.markdown().split(separator: "\n").dropFirst(2)
        #expect(lines.count == ConfigSchema.keys.count)
        for (line, key) in zip(lines, ConfigSchema.keys) { #expect(line.hasPrefix("| `\(key.name)` |")) }
    }
}
