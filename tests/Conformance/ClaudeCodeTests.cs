using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Conformance;

/// <summary>What Claude Code 2.1.329 was recorded to ask, asked again through the gateway. The recording abbreviates long texts; the shapes are whole.</summary>
public sealed class ClaudeCodeTests
{
    // Of this connection, not of the request; or the gateway's to change, which the pass-through tests pin down.
    private static readonly string[] HopByHop = ["Host", "Connection", "Content-Length", "Authorization", "x-api-key", "Accept-Encoding"];

    private static readonly JsonElement Recording =
        JsonElement.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Fixtures", "captures", "claude-code-2.1.329.json")));

    public static TheoryData<string> Scenarios => [.. Recording.EnumerateObject().Select(scenario => scenario.Name)];

    [Theory]
    [MemberData(nameof(Scenarios))]
    public async Task Everything_it_asks_in_a_session_is_answered_and_arrives_as_it_was_sent(string scenario)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => http.Request.Path.Value!.EndsWith("count_tokens", StringComparison.Ordinal)
            ? AnthropicAnswers.JsonAsync(http, """{"input_tokens":14}""")
            : AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream));
        await using var gateway = await TestGateway.StartAsync(upstream);

        foreach (var recorded in Recording.GetProperty(scenario).EnumerateArray())
        {
            using var request = Request(recorded);
            using var response = await gateway.Http.SendAsync(request);
            var answer = await response.Content.ReadAsStringAsync();

            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            if (request.Method == HttpMethod.Post)
            {
                Assert.True(upstream.Received.TryDequeue(out var received));
                AssertArrivedAsSent(recorded, received);
            }
            else if (request.Method == HttpMethod.Get)
            {
                Assert.Contains(JsonElement.Parse(answer).GetProperty("data").EnumerateArray(), model => model.GetProperty("id").GetString() == "claude-opus-5-5");
            }

            Assert.Empty(upstream.Received);
        }
    }

    [Fact]
    public void The_recording_has_every_kind_of_request_it_makes()
    {
        var requests = Recording.EnumerateObject().SelectMany(scenario => scenario.Value.EnumerateArray())
            .Select(recorded => $"{recorded.GetProperty("method")} {recorded.GetProperty("path")}").ToHashSet();

        Assert.Equal(["GET /v1/models", "HEAD /api/hello", "POST /v1/messages", "POST /v1/messages/count_tokens"], requests.Order(StringComparer.Ordinal));
    }

    private static HttpRequestMessage Request(JsonElement recorded)
    {
        var query = recorded.GetProperty("query").GetString();
        var address = recorded.GetProperty("path").GetString() + (string.IsNullOrEmpty(query) ? "" : "?" + query);
        var request = new HttpRequestMessage(new HttpMethod(recorded.GetProperty("method").GetString()!), address);
        if (recorded.GetProperty("body").ValueKind == JsonValueKind.Object)
        {
            request.Content = new ByteArrayContent(Body(recorded));
        }

        foreach (var (name, value) in Headers(recorded).Where(header => header.Name is not ("Host" or "Connection" or "Content-Length")))
        {
            HttpHeaders headers = name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase) ? request.Content!.Headers : request.Headers;
            Assert.True(headers.TryAddWithoutValidation(name, value));
        }

        return request;
    }

    private static byte[] Body(JsonElement recorded) => Encoding.UTF8.GetBytes(recorded.GetProperty("body").GetRawText());

    // An abbreviated value ends with a character that no header can carry.
    private static IEnumerable<(string Name, string Value)> Headers(JsonElement recorded) => recorded.GetProperty("headers").EnumerateArray()
        .Select(header => (header[0].GetString()!, header[1].GetString()!.Replace("<key>", TestGateway.Key, StringComparison.Ordinal).Replace("…", "...", StringComparison.Ordinal)));

    private static void AssertArrivedAsSent(JsonElement recorded, ReceivedRequest received)
    {
        Assert.Equal(Body(recorded), received.Body);
        Assert.Equal(recorded.GetProperty("path").GetString(), received.Path);
        Assert.Equal("?" + recorded.GetProperty("query").GetString(), received.Query);
        foreach (var (name, value) in Headers(recorded).Where(header => !HopByHop.Contains(header.Name, StringComparer.OrdinalIgnoreCase)))
        {
            Assert.True(received.Headers.TryGetValue(name, out var forwarded) && forwarded == value, $"{name}: {value} became {forwarded}");
        }

        Assert.DoesNotContain(received.Headers, header => header.Value.Contains(TestGateway.Key, StringComparison.Ordinal));
    }
}
