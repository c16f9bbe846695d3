using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Translation;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Golden;

/// <summary>
/// Requests, answers and streams of each protocol as files, and what becomes of each in every other one:
/// <c>tools.anthropic.request.json</c> and beside it <c>tools.anthropic.to.gemini.request.json</c>. With CCGATE_WRITE_GOLDEN=1 what is expected is written anew,
/// to be read before it is committed.
/// </summary>
public sealed partial class TranslationTests
{
    private static readonly bool Writes = Environment.GetEnvironmentVariable("CCGATE_WRITE_GOLDEN") == "1";
    private static readonly string Folder = Path.Combine(SourceFolder(), "..", "Fixtures", "translation");

    private static readonly Dictionary<string, (UpstreamKind Kind, ISurface Surface, string Model)> Protocols = new()
    {
        ["anthropic"] = (UpstreamKind.Anthropic, AnthropicSurface.Instance, "claude-sonnet-4-5"),
        ["chat"] = (UpstreamKind.OpenAi, OpenAiSurface.Chat, "gpt-5-mini"),
        ["responses"] = (UpstreamKind.OpenAiResponses, OpenAiSurface.Responses, "gpt-5-mini"),
        ["gemini"] = (UpstreamKind.Gemini, GeminiSurface.Instance, "gemini-3-pro"),
    };

    public static TheoryData<string, string> Requests => Pairs("*.request.json");

    public static TheoryData<string, string> Answers => Pairs("*.answer.json");

    public static TheoryData<string, string> Streams => Pairs("*.sse");

    public static TheoryData<string, string> Errors => Pairs("*.error.json");

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_request_means_the_same_in_every_protocol(string file, string to)
    {
        var call = await CallAsync(file);
        JsonNode told;
        try
        {
            var translated = call.Translations.For(Protocols[to].Kind, Protocols[to].Model, limit: null)!;
            told = new JsonObject
            {
                ["path"] = Call.PathFor(translated.Upstream.PathFor(call.Streaming), Protocols[to].Model),
                ["dropped"] = new JsonArray([.. translated.Dropped.Select(field => (JsonNode)field)]),
                ["body"] = JsonNode.Parse(translated.Body.Span),
            };
        }
        catch (RefusedException refused)
        {
            told = new JsonObject { ["refused"] = refused.Message };
        }

        Expect(file, to, Indented(told));
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task An_answer_means_the_same_in_every_protocol(string file, string to)
    {
        var translated = await TranslatedAsync(upstream: file, client: to, streaming: false);

        Expect(file, to, Indented(JsonNode.Parse(translated.Answer(await File.ReadAllBytesAsync(Path.Combine(Folder, file))).Span)!));
    }

    [Theory]
    [MemberData(nameof(Errors))]
    public async Task An_error_means_the_same_in_every_protocol(string file, string to)
    {
        var translated = await TranslatedAsync(upstream: file, client: to, streaming: false);
        var given = JsonNode.Parse(await File.ReadAllBytesAsync(Path.Combine(Folder, file)))!;

        var (status, body) = translated.Error((int)given["status"]!, Encoding.UTF8.GetBytes(given["body"]!.ToJsonString()), "request-1");

        Expect(file, to, Indented(new JsonObject { ["status"] = status, ["body"] = JsonNode.Parse(body.Span) }));
    }

    [Theory]
    [MemberData(nameof(Streams))]
    public async Task A_stream_means_the_same_in_every_protocol_wherever_it_is_cut(string file, string to)
    {
        var stream = await File.ReadAllBytesAsync(Path.Combine(Folder, file));
        var translated = await TranslatedAsync(upstream: file, client: to, streaming: true);

        var whole = await TranslateAsync(translated, stream, stream.Length);
        for (var size = 1; size < Math.Min(stream.Length, 64); size++)
        {
            Assert.Equal(whole, await TranslateAsync(translated, stream, size));
        }

        for (var cut = 1; cut < stream.Length; cut++)
        {
            Assert.Equal(whole, await TranslateAsync(translated, stream, cut, twice: true));
        }

        Expect(file, to, whole);
    }

    [Fact]
    public void Every_case_exists_in_every_protocol()
    {
        var cases = Directory.EnumerateFiles(Folder).Select(Path.GetFileName).Where(name => !name!.Contains(".to.", StringComparison.Ordinal)).Select(name => name!.Split('.'));
        var missing = cases.GroupBy(parts => (parts[0], parts[2])).Where(group => group.Count() != Protocols.Count).Select(group => group.Key);

        Assert.Empty(missing);
    }

    private static async Task<TranslatedCall> TranslatedAsync(string upstream, string client, bool streaming)
    {
        var call = await CallAsync($"tools.{client}.request.json", streaming);
        var kind = Protocols[upstream.Split('.')[1]];
        return call.Translations.For(kind.Kind, kind.Model, limit: null)!;
    }

    private static async Task<string> TranslateAsync(TranslatedCall translated, byte[] stream, int size, bool twice = false)
    {
        await using var shown = translated.Over(new Cut(stream, size, twice), "text/event-stream");
        using var told = new MemoryStream();
        await shown.CopyToAsync(told);
        return Stable(Encoding.UTF8.GetString(told.ToArray()));
    }

    private static async Task<Call> CallAsync(string file, bool? streaming = null)
    {
        var body = JsonNode.Parse(await File.ReadAllBytesAsync(Path.Combine(Folder, file)))!;
        var (kind, surface, model) = Protocols[file.Split('.')[1]];
        var streams = streaming ?? (bool?)body["stream"] ?? false;
        if (kind != UpstreamKind.Gemini)
        {
            body["stream"] = streams;
        }

        var http = new DefaultHttpContext();
        http.Request.Method = "POST";
        http.Request.ContentType = "application/json";
        http.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(body.ToJsonString()));
        http.Request.QueryString = new QueryString(streams && kind == UpstreamKind.Gemini ? "?alt=sse" : "");
        http.Request.RouteValues[GeminiSurface.Target] = $"{model}:{(streams ? "streamGenerateContent" : "generateContent")}";
        return await surface.ReadAsync(http.Request, CallKind.Generation, 32 * 1024 * 1024, CancellationToken.None);
    }

    private static TheoryData<string, string> Pairs(string pattern)
    {
        var pairs = new TheoryData<string, string>();
        foreach (var name in Directory.EnumerateFiles(Folder, pattern).Select(Path.GetFileName).Where(name => !name!.Contains(".to.", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            foreach (var to in Protocols.Keys.Where(to => to != name!.Split('.')[1]))
            {
                pairs.Add(name!, to);
            }
        }

        return pairs;
    }

    private static void Expect(string file, string to, string told)
    {
        var parts = file.Split('.', 3);
        var expected = Path.Combine(Folder, $"{parts[0]}.{parts[1]}.to.{to}.{parts[2]}");
        told = Stable(told);
        if (Writes)
        {
            File.WriteAllText(expected, told);
        }

        Assert.True(File.Exists(expected), $"{Path.GetFileName(expected)} is missing: run once with CCGATE_WRITE_GOLDEN=1, and read it");
        Assert.Equal(File.ReadAllText(expected), told);
    }

    private static string Indented(JsonNode node) => node.ToJsonString(new JsonSerializerOptions { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n";

    /// <summary>The time of day is not part of what is expected.</summary>
    private static string Stable(string told) => CreatedPattern().Replace(told, "$1:0");

    private static string SourceFolder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;

    [GeneratedRegex("(\"created(?:_at)?\"): ?[0-9]+(?:\\.[0-9]+)?")]
    private static partial Regex CreatedPattern();

    /// <summary>Bytes that come in pieces.</summary>
    private sealed class Cut(byte[] bytes, int size, bool twice) : MemoryStream(bytes)
    {
        private int pieces;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var most = twice && pieces++ > 0 ? buffer.Length : size;
            return base.ReadAsync(buffer[..Math.Min(buffer.Length, most)], cancellationToken);
        }
    }
}
