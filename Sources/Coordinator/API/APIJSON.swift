import FleetModel
import HTTPTypes
import Hummingbird
import NIOCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Bodies of requests and answers, as JSON.
enum APIJSON {
    /// The largest body taken: a menu's tree is the largest thing anybody sends.
    static let bodyLimit = 1 << 20

    static func read<Value: Decodable>(_ type: Value.Type, from request: Request) async throws(APIFailure) -> Value {
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: bodyLimit)
        } catch is NIOTooManyBytesError {
            throw .tooLarge(limit: bodyLimit)
        } catch {
            throw .badRequest("the body could not be read to its end")
        }
        do {
            return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
        } catch let error as APIError {
            throw .badRequest(error.message)
        } catch let error as DecodingError {
            throw .badRequest("the body is not what is expected here: \(describe(error))")
        } catch {
            throw .badRequest("the body is no JSON")
        }
    }

    static func response(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else {
            return Response(status: .internalServerError)
        }
        var headers = HTTPFields()
        headers[.contentType] = "application/json; charset=utf-8"
        headers[.contentLength] = "\(data.count)"
        headers[.cacheControl] = "no-store"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
    }

    static func response(_ failure: APIFailure) -> Response {
        response(failure.error, status: HTTPResponse.Status(code: failure.status))
    }

    /// Names the member, never its value: it may be a token.
    private static func describe(_ error: DecodingError) -> String {
        func path(_ keys: [any CodingKey]) -> String {
            keys.isEmpty ? "the body" : keys.map(\.stringValue).joined(separator: ".")
        }
        return switch error {
        case .keyNotFound(let key, let context): "\(path(context.codingPath + [key])) is missing"
        case .typeMismatch(_, let context): "\(path(context.codingPath)) has the wrong type"
        case .valueNotFound(_, let context): "\(path(context.codingPath)) is null"
        case .dataCorrupted(let context): "\(path(context.codingPath)) is not valid"
        @unknown default: "it cannot be decoded"
        }
    }
}
