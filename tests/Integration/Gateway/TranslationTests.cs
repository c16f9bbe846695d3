using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Clients of one protocol and upstreams of another, over HTTP: streaming, failing over, and what comes back in the next turn.</summary>
public sealed partial class TranslationTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // The deltas of text.*.sse, as they stand in JSON.
    private static readonly string[] Pieces = ["Grüezi, ", "it is 21 °C ", "🌤"];

    public static TheoryData<string, string> CrossPairs => Spoken.CrossPairs;

    public static TheoryData<string, string> AllPairs => Spoken.AllPairs;

    [Theory]
    [MemberData(nameof(CrossPairs))]
    public async Task Each_piece_reaches_the_client_before_the_upstream_says_the_next(string from, string to)
    {
        var (client, upstream) = (Spoken.Of(from), Spoken.Of(to));
        using var heard = new SemaphoreSlim(0);
        await using var gateway = await TranslatingGateway.StartAsync();
        var frames = Spoken.FramesOf(Spoken.Fixture($"text.{to}.sse"));
        var firsts = Pieces.Select(piece => Array.FindIndex(frames, frame => frame.Contains(piece, StringComparison.Ordinal))).ToHashSet();
        gateway.At(upstream).Answer = http => AnthropicAnswers.FramesAsync(
            http, frames, index => firsts.Contains(index - 1) ? heard.WaitAsync(http.RequestAborted) : Task.CompletedTask);

        using var response = await gateway.PostAsync(client, upstream, stream: true);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var told = new StringBuilder();
        foreach (var piece in Pieces)
        {
            while (!told.ToString().Contains(piece, StringComparison.Ordinal))
            {
                var line = await reader.ReadLineAsync().WaitAsync(Patience);
                Assert.NotNull(line);
                told.Append(EscapePattern().Replace(line, match => ((char)Convert.ToInt32(match.Groups[1].Value, 16)).ToString())).Append('\n');
            }

            heard.Release();
        }

        told.Append(await reader.ReadToEndAsync().WaitAsync(Patience));
        Assert.True(client.IsWhole(told.ToString()), told.ToString());
        Assert.Equal(RequestOutcome.Succeeded, (await gateway.Gateway.EventAsync()).Outcome);
    }

    [Theory]
    [InlineData("anthropic")]
    [InlineData("responses")]
    [InlineData("gemini")]
    [InlineData("chat")]
    public async Task What_another_kind_of_provider_signed_comes_back_to_it_alone(string from)
    {
        var client = Spoken.Of(from);
        foreach (var maker in Spoken.All.Where(maker => maker != client && maker.Name is "anthropic" or "gemini" or "responses"))
        {
            foreach (var streams in client.Name is "responses" or "gemini" ? (bool[])[false, true] : [false])
            {
                await RoundTripAsync(client, maker, streams);
            }
        }
    }

    private static async Task RoundTripAsync(Spoken client, Spoken maker, bool streams)
    {
        await using var gateway = await TranslatingGateway.StartAsync();
        gateway.At(maker).Answer = http => TranslatingGateway.AnswerAsync(http, maker, "calls");

        // 1. Another kind of provider thinks, signs and calls tools.
        using var thought = await gateway.PostAsync(client, maker, streams, NextTurns.First(client, maker, streams));
        var (text, _) = await TranslatingGateway.ReadAsync(thought);
        Assert.True(thought.StatusCode == HttpStatusCode.OK, text);
        var said = NextTurns.Said(client, text, streams);

        // 2. The next turn goes to each kind, the client's own too, and then to who signed.
        foreach (var upstream in Spoken.All)
        {
            using var next = await gateway.PostAsync(client, upstream, stream: false, NextTurns.Second(client, upstream, said));
            var (answer, _) = await TranslatingGateway.ReadAsync(next);
            Assert.True(next.StatusCode == HttpStatusCode.OK, $"{client.Name}, {maker.Name} then {upstream.Name}: {answer}");
            var received = gateway.At(upstream).Received.Last();
            Assert.Equal(upstream == maker ? SignatureOf(maker) : null, NextTurns.SignatureIn(received.Text));
            Assert.DoesNotContain("ccgate", received.Text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(Convert.ToBase64String("ccgate"u8), received.Text, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex("\\\\u([0-9a-fA-F]{4})")]
    private static partial Regex EscapePattern();

    private static string SignatureOf(Spoken maker) => maker.Name switch { "anthropic" => "EqQBsignature==", "gemini" => "c2lnbmF0dXJl", _ => "gAAAAencrypted" };
}
