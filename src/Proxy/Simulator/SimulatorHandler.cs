using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CCGate.Hosting.Configuration;

namespace CCGate.Proxy.Simulator;

/// <summary>An Anthropic Messages API without a network: the upstream of the demo and of load tests.</summary>
/// <remarks>The name ends as that of every <see cref="HttpMessageHandler"/> does.</remarks>
internal sealed class SimulatorHandler(SimulatorConfig config, TimeProvider time) : HttpMessageHandler
{
    private static readonly MediaTypeHeaderValue JsonType = new("application/json");
    private static readonly MediaTypeHeaderValue EventStreamType = new("text/event-stream", "utf-8");
    private static readonly string[] Models = ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-sonnet-4-5"];

    private readonly SimulatorScript script = new(config);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var requestId = "req_" + Guid.CreateVersion7(time.GetUtcNow()).ToString("N");
        var path = request.RequestUri?.AbsolutePath ?? "/";
        var response = request.Method.Method switch
        {
            "POST" when path.EndsWith("/v1/messages", StringComparison.Ordinal) => await AnswerAsync(request, requestId, cancellationToken),
            "POST" when path.EndsWith("/v1/messages/count_tokens", StringComparison.Ordinal) => await CountAsync(request, requestId, cancellationToken),
            "GET" when path.EndsWith("/v1/models", StringComparison.Ordinal) => Json(HttpStatusCode.OK, ModelList()),
            "GET" when path.LastIndexOf("/v1/models/", StringComparison.Ordinal) is >= 0 and var at => Json(HttpStatusCode.OK, Model(path[(at + 11)..])),
            _ => Error(404, "Not found", requestId),
        };

        response.RequestMessage = request;
        response.Headers.TryAddWithoutValidation("request-id", requestId);
        return response;
    }

    private async Task<HttpResponseMessage> AnswerAsync(HttpRequestMessage request, string requestId, CancellationToken cancellationToken)
    {
        var asked = await SimulatorRequest.ReadAsync(request.Content, cancellationToken);
        if (config.FirstByteDelay > TimeSpan.Zero)
        {
            await Task.Delay(config.FirstByteDelay, time, cancellationToken);
        }

        if (config.Status != 200)
        {
            return Error(config.Status, "The simulator was told to fail", requestId);
        }

        if (asked.Model is not { } model)
        {
            return Error(400, "model: Field required", requestId);
        }

        var answer = script.Answer(model, asked, "msg" + requestId.AsSpan(3).ToString());
        var response = new HttpResponseMessage(HttpStatusCode.OK) { Content = asked.Stream ? Events(answer) : Body(SimulatorScript.Body(answer)) };
        AddRateLimits(response.Headers);
        return response;
    }

    private static async Task<HttpResponseMessage> CountAsync(HttpRequestMessage request, string requestId, CancellationToken cancellationToken)
    {
        var asked = await SimulatorRequest.ReadAsync(request.Content, cancellationToken);
        return asked.Model is null
            ? Error(400, "model: Field required", requestId)
            : Json(HttpStatusCode.OK, string.Create(CultureInfo.InvariantCulture, $$"""{"input_tokens":{{asked.InputTokens}}}"""));
    }

    private SimulatorContent Events(SimulatorAnswer answer)
    {
        var content = new SimulatorContent(script.Frames(answer), config, time);
        content.Headers.ContentType = EventStreamType;
        return content;
    }

    private static ByteArrayContent Body(byte[] body)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = JsonType;
        return content;
    }

    private static HttpResponseMessage Json(HttpStatusCode status, string body) => new(status) { Content = Body(Encoding.UTF8.GetBytes(body)) };

    private static HttpResponseMessage Error(int status, string message, string requestId)
    {
        var type = status switch
        {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            409 => "conflict_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            529 => "overloaded_error",
            >= 500 => "api_error",
            _ => "invalid_request_error",
        };
        var response = Json((HttpStatusCode)status, $$$"""{"type":"error","error":{"type":"{{{type}}}","message":"{{{message}}}"},"request_id":"{{{requestId}}}"}""");
        if (status == 429)
        {
            response.Headers.TryAddWithoutValidation("retry-after", "1");
        }

        return response;
    }

    private void AddRateLimits(HttpResponseHeaders headers)
    {
        headers.TryAddWithoutValidation("anthropic-organization-id", "00000000-0000-0000-0000-000000000000");
        headers.TryAddWithoutValidation("anthropic-ratelimit-requests-limit", "4000");
        headers.TryAddWithoutValidation("anthropic-ratelimit-requests-remaining", "3999");
        headers.TryAddWithoutValidation(
            "anthropic-ratelimit-requests-reset", time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
    }

    private static string ModelList() =>
        $$"""{"data":[{{string.Join(',', Models.Select(Model))}}],"has_more":false,"first_id":"{{Models[0]}}","last_id":"{{Models[^1]}}"}""";

    private static string Model(string id)
    {
        var name = JsonEncodedText.Encode(id);
        return $$"""{"type":"model","id":"{{name}}","display_name":"{{name}} (simulated)","created_at":"2026-01-01T00:00:00Z"}""";
    }
}
