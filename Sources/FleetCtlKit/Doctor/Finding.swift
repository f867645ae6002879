/// One thing the doctor looked at.
public struct Finding: Sendable, Equatable, Encodable {
    public enum Verdict: String, Sendable, Encodable {
        case ok
        /// It works, and may soon not.
        case warning
        case failed
    }

    public let check: String
    public let verdict: Verdict
    public let detail: String
    /// How to mend it.
    public let mend: String?

    public static func ok(_ check: String, _ detail: String) -> Finding {
        Finding(check: check, verdict: .ok, detail: detail, mend: nil)
    }
    public static func warning(_ check: String, _ detail: String, mend: String) -> Finding {
        Finding(check: check, verdict: .warning, detail: detail, mend: mend)
    }
    public static func failed(_ check: String, _ detail: String, mend: String) -> Finding {
        Finding(check: check, verdict: .failed, detail: detail, mend: mend)
    }

    /// A line each, and below it how to mend what is wrong.
    public static func text(_ findings: [Finding]) -> String {
        var out = ""
        for finding in findings {
            let mark =
                switch finding.verdict {
                case .ok: "ok     "
                case .warning: "warning"
                case .failed: "FAILED "
                }
            out += TextWrap.lines("\(finding.check): \(finding.detail)", first: "\(mark)  ", rest: "         ")
            if let mend = finding.mend { out += TextWrap.lines(mend, first: "         -> ", rest: "            ") }
        }
        let failed = findings.count { $0.verdict == .failed }
        return out + (failed == 0 ? "nothing is broken\n" : "\(failed) of \(findings.count) checks failed\n")
    }
}
