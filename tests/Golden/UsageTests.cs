using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Usage;
using CCGate.Tests.Unit.Proxy;

namespace CCGate.Tests.Golden;

/// <summary>Every answer in the Fixtures of a protocol has its usage written beside it, and has it however it arrives.</summary>
public sealed class UsageTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Fixtures");

    private static readonly Dictionary<string, UpstreamKind> Kinds = new()
    {
        ["anthropic"] = UpstreamKind.Anthropic,
        ["openai"] = UpstreamKind.OpenAi,
        ["openai-responses"] = UpstreamKind.OpenAiResponses,
        ["gemini"] = UpstreamKind.Gemini,
    };

    public static TheoryData<string> Answers() =>
    [
        .. Kinds.Keys
            .SelectMany(protocol => Directory.GetFiles(Path.Combine(Folder, protocol), "*.usage").Select(file => $"{protocol}/{Path.GetFileNameWithoutExtension(file)}"))
            .Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Answers))]
    public void An_answer_has_the_usage_written_beside_it(string name)
    {
        Assert.Equal(Expected(name), Text(MeteredAnswer.Of(Bytes(name), Type(name), kind: Kind(name))));
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public void An_answer_cut_at_any_byte_has_the_same_usage(string name)
    {
        var bytes = Bytes(name);
        for (var cut = 1; cut < bytes.Length; cut++)
        {
            Assert.Equal(Expected(name), Text(MeteredAnswer.Of(bytes, Type(name), cuts: [cut], kind: Kind(name))));
        }
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public void An_answer_has_the_same_usage_with_any_line_end_and_any_chunks(string name)
    {
        var text = File.ReadAllText(Path.Combine(Folder, name));
        foreach (var lineEnd in new[] { "\n", "\r", "\r\n" })
        {
            foreach (var size in new[] { 1, 2, 3, 7, 64, 1000 })
            {
                var bytes = System.Text.Encoding.UTF8.GetBytes(text.ReplaceLineEndings(lineEnd));
                Assert.Equal(Expected(name), Text(MeteredAnswer.InChunks(bytes, Type(name), null, size, Kind(name))));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public void A_compressed_answer_has_the_same_usage_in_any_chunks(string name)
    {
        foreach (var (encoding, compressed) in MeteredAnswer.Compressed(Bytes(name)))
        {
            foreach (var size in new[] { 1, 2, 13, 256, 100_000 })
            {
                Assert.Equal(Expected(name), Text(MeteredAnswer.InChunks(compressed, Type(name), encoding, size, Kind(name))));
            }
        }
    }

    [Theory]
    [InlineData("anthropic/vector.sse")]
    [InlineData("anthropic/vector.json")]
    public void The_metering_vector_costs_the_same_streamed_or_not(string name)
    {
        var metered = MeteredAnswer.Of(Bytes(name), Type(name));

        var spend = PriceBookFile.Shipped.Spend(metered.Model!, metered.Usage, new(2026, 11, 21, 0, 0, 0, TimeSpan.Zero), 1m);

        Assert.Equal(0.0144774m, spend);
    }

    private static byte[] Bytes(string name) => File.ReadAllBytes(Path.Combine(Folder, name));

    private static UpstreamKind Kind(string name) => Kinds[name[..name.IndexOf('/', StringComparison.Ordinal)]];

    private static string Type(string name) => name.EndsWith(".sse", StringComparison.Ordinal) ? "text/event-stream; charset=utf-8" : "application/json";

    private static string Expected(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, name + ".usage")));
        return JsonSerializer.Serialize(document.RootElement);
    }

    private static string Text(MeteredUsage metered) => JsonSerializer.Serialize(new
    {
        State = metered.State.ToString(),
        metered.Model,
        metered.Ended,
        metered.StreamError,
        Usage = JsonSerializer.SerializeToElement(metered.Usage, ContractsJson.Default.TokenUsage),
    });
}
