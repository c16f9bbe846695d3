using System.Net;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Broken and hostile clients and upstreams on both sides of a translation: there is always an answer, in the client's own protocol, and a record.</summary>
public sealed class TranslationFuzzTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly string[] Values = ["null", "true", "-1", "1e999", "123456789012345678901234567890", "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "\"\"", "[[{}]]", "{\"a\":1,\"a\":2}"];

    public static TheoryData<string, string> CrossPairs => Spoken.CrossPairs;

    [Theory]
    [InlineData("anthropic")]
    [InlineData("chat")]
    [InlineData("responses")]
    [InlineData("gemini")]
    public async Task A_broken_request_gets_an_answer_or_an_error_in_its_own_protocol_and_what_goes_out_is_JSON(string from)
    {
        const int mutations = 40;
        var random = new Random(20261121);
        var client = Spoken.Of(from);
        await using var gateway = await TranslatingGateway.StartAsync();
        foreach (var story in (string[])["plain", "tools", "media", "reasoning"])
        {
            foreach (var upstream in Spoken.All.Where(upstream => upstream != client))
            {
                var fixture = Encoding.UTF8.GetBytes(Spoken.Fixture($"{story}.{from}.request.json").Replace("\"model\": \"gpt-5-mini\"", $"\"model\": \"{upstream.Model}\"", StringComparison.Ordinal).Replace("\"model\": \"claude-sonnet-4-5\"", $"\"model\": \"{upstream.Model}\"", StringComparison.Ordinal));
                for (var i = 0; i < mutations; i++)
                {
                    var body = Mutate(fixture, random);
                    using var response = await gateway.PostAsync(client, upstream, stream: i % 4 == 0, body).WaitAsync(Patience);
                    var (text, isCut) = await TranslatingGateway.ReadAsync(response).WaitAsync(Patience);
                    AssertSpeaks(client, response, text, isCut, $"{from} to {upstream.Name}, {story}, {i}: {Encoding.UTF8.GetString(body)}");
                    Assert.True((int)response.StatusCode < 500, $"{response.StatusCode} {text}\n{Encoding.UTF8.GetString(body)}");
                }
            }
        }

        foreach (var received in Spoken.All.Where(upstream => upstream != client).SelectMany(upstream => gateway.At(upstream).Received))
        {
            using var json = JsonDocument.Parse(received.Body, new JsonDocumentOptions { MaxDepth = 1000 });
            Assert.Equal(JsonValueKind.Object, json.RootElement.ValueKind);
        }
    }

    [Theory]
    [MemberData(nameof(CrossPairs))]
    public async Task A_broken_answer_is_an_error_in_the_client_s_protocol_or_an_answer_and_is_recorded(string from, string to)
    {
        var random = new Random(20261121);
        var (client, upstream) = (Spoken.Of(from), Spoken.Of(to));
        await using var gateway = await TranslatingGateway.StartAsync(""" "limits": { "daily": { "maxUSD": 1000 } } """);
        var whole = Encoding.UTF8.GetBytes(Spoken.Fixture($"calls.{to}.answer.json"));
        var answers = Enumerable.Range(0, 40).Select(i => i switch { 0 => [], 1 => "null"u8.ToArray(), 2 => "[]"u8.ToArray(), 3 => "{}"u8.ToArray(), 4 => RandomBytes(random), _ => Mutate(whole, random) }).ToList();
        foreach (var (i, answer) in answers.Index())
        {
            gateway.At(upstream).Answer = http =>
            {
                http.Response.ContentType = "application/json";
                return http.Response.Body.WriteAsync(answer, http.RequestAborted).AsTask();
            };
            using var response = await gateway.PostAsync(client, upstream, stream: i % 3 == 0).WaitAsync(Patience);
            var (text, isCut) = await TranslatingGateway.ReadAsync(response).WaitAsync(Patience);
            AssertSpeaks(client, response, text, isCut, $"{from} from {to}, {i}: {Encoding.UTF8.GetString(answer)}");
        }

        await AssertRecordedAsync(gateway, answers.Count);
    }

    [Theory]
    [MemberData(nameof(CrossPairs))]
    public async Task A_stream_that_is_cut_or_garbled_anywhere_ends_with_the_client_s_own_error_or_whole_and_is_recorded(string from, string to)
    {
        var (client, upstream) = (Spoken.Of(from), Spoken.Of(to));
        await using var gateway = await TranslatingGateway.StartAsync(""" "limits": { "daily": { "maxUSD": 1000 } } """);
        var streams = Streams(to).ToList();
        gateway.At(upstream).Answer = async http =>
        {
            var (stream, isCut) = streams[int.Parse(http.Request.Headers["x-stream"].ToString(), System.Globalization.CultureInfo.InvariantCulture)];
            http.Response.ContentType = "text/event-stream";
            await http.Response.Body.WriteAsync(stream, http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            if (isCut)
            {
                http.Abort();
            }
        };
        await Parallel.ForAsync(0, streams.Count, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, stopping) =>
        {
            using var response = await gateway.Gateway.PostAsync(
                Encoding.UTF8.GetBytes(client.Body(upstream.Model, stream: true)),
                client.PathFor(upstream.Model, stream: true),
                headers: headers => headers.Add("x-stream", i.ToString(System.Globalization.CultureInfo.InvariantCulture)),
                cancellationToken: stopping).WaitAsync(Patience, stopping);
            var (text, isCut) = await TranslatingGateway.ReadAsync(response).WaitAsync(Patience, stopping);
            AssertSpeaks(client, response, text, isCut, $"{from} from {to}, {i}: {Encoding.UTF8.GetString(streams[i].Bytes)}");
        });

        await AssertRecordedAsync(gateway, streams.Count);
    }

    /// <summary>Cut at many bytes, by a proper end or by the connection's; and with events that mean nothing, or are broken.</summary>
    private static IEnumerable<(byte[] Bytes, bool IsCut)> Streams(string name)
    {
        var random = new Random(20261121);
        foreach (var story in (string[])["text", "calls"])
        {
            var stream = Encoding.UTF8.GetBytes(Spoken.Fixture($"{story}.{name}.sse"));
            for (var i = 0; i < 16; i++)
            {
                yield return (stream[..random.Next(stream.Length)], i % 2 == 0);
            }

            var frames = Spoken.FramesOf(Encoding.UTF8.GetString(stream));
            foreach (var garbage in (string[])["data: {\n\n", "data: null\n\n", "data: []\n\n", "event: nothing\ndata: {\"type\":17}\n\n", ": comment\n\n", "data:\n\n", "event: error\ndata: 1\n\n", "data: {\"choices\":[{}],\"candidates\":[null],\"type\":\"content_block_delta\",\"index\":99,\"delta\":null}\n\n"])
            {
                var at = random.Next(frames.Length);
                yield return (Encoding.UTF8.GetBytes(string.Concat([.. frames[..at], garbage, .. frames[at..]])), false);
            }

            for (var i = 0; i < 8; i++)
            {
                var at = random.Next(frames.Length);
                yield return (Encoding.UTF8.GetBytes(string.Concat([.. frames[..at], Encoding.UTF8.GetString(Mutate(Encoding.UTF8.GetBytes(frames[at]), random)), .. frames[(at + 1)..]])), false);
            }
        }
    }

    private static byte[] RandomBytes(Random random)
    {
        var bytes = new byte[300];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>Cuts a document off, changes a byte of it, puts another value in the place of one, or says something in front.</summary>
    private static byte[] Mutate(byte[] document, Random random)
    {
        var at = random.Next(document.Length);
        switch (random.Next(8))
        {
            case 0:
                return document[..at];
            case 1:
                var changed = document.ToArray();
                changed[at] = (byte)random.Next(256);
                return changed;
            case 2:
                return [0xEF, 0xBB, 0xBF, .. document];
            default:
                var colon = Array.IndexOf(document, (byte)':', at);
                var end = colon < 0 ? -1 : document.AsSpan(colon).IndexOfAny((byte)',', (byte)'}', (byte)'\n') + colon;
                return end <= colon ? document : [.. document[..(colon + 1)], .. Encoding.UTF8.GetBytes(Values[random.Next(Values.Length)]), .. document[end..]];
        }
    }

    private static void AssertSpeaks(Spoken client, HttpResponseMessage response, string text, bool isCut, string what)
    {
        what = $"{(int)response.StatusCode} {(isCut ? "cut" : "ended")}: {text}\n{what}";
        Assert.True(text.Length > 0, what);
        Assert.True(response.StatusCode != HttpStatusCode.InternalServerError, what);
        if (response.Content.Headers.ContentType?.MediaType == "text/event-stream")
        {
            Assert.True(response.StatusCode == HttpStatusCode.OK, what);
            Assert.True(client.IsBroken(text) || (!isCut && client.IsWhole(text)), what);
            return;
        }

        Assert.False(isCut, what);
        var body = JsonElement.Parse(text, new JsonDocumentOptions { MaxDepth = 1000 });
        Assert.True(response.IsSuccessStatusCode ? client.IsAnswer(body) : client.IsError(body), what);
    }

    /// <summary>Each has its event, and what it takes of the limits is what the event says.</summary>
    private static async Task AssertRecordedAsync(TranslatingGateway gateway, int count)
    {
        var events = await gateway.Gateway.EventsAsync(count);
        await gateway.Gateway.SettledAsync();
        Assert.Equal(count, events.Count);
        Assert.All(events, completed =>
        {
            var attempt = Assert.Single(completed.Attempts);
            Assert.Equal(attempt.UsageState == UsageState.Unknown, completed.UnsettledUsd is not null);
            Assert.True(completed.Outcome is RequestOutcome.Succeeded or RequestOutcome.UpstreamTruncated or RequestOutcome.Failed, completed.ToString());
        });
    }
}
