using System.Buffers;
using System.CommandLine;
using System.Globalization;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Translation;
using Microsoft.AspNetCore.Http;

namespace CCGate.Bench.Translate;

/// <summary>What the translation of a stream costs for each of its events, over reading the same bytes as they are.</summary>
internal static class TranslateBench
{
    private static readonly (string Name, UpstreamKind Kind, ISurface Surface)[] Sides =
    [
        ("anthropic", UpstreamKind.Anthropic, AnthropicSurface.Instance),
        ("chat", UpstreamKind.OpenAi, OpenAiSurface.Chat),
        ("responses", UpstreamKind.OpenAiResponses, OpenAiSurface.Responses),
        ("gemini", UpstreamKind.Gemini, GeminiSurface.Instance),
    ];

    public static Command Command()
    {
        var events = new Option<int>("--events") { Description = "Text deltas in each stream.", DefaultValueFactory = _ => 50_000 };
        var rounds = new Option<int>("--rounds") { Description = "How often each pair is measured; the median counts.", DefaultValueFactory = _ => 5 };
        var command = new Command("translate", "Measures the translation of streams between every two protocols: processor time and allocations for each event.") { events, rounds };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(events), parsed.GetValue(rounds), Console.Out, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int events, int rounds, TextWriter output, CancellationToken cancellationToken)
    {
        await output.WriteLineAsync("upstream   -> client        us/event  bytes/event");
        foreach (var upstream in Sides)
        {
            var stream = await StreamAsync(upstream.Kind, upstream.Surface, events, cancellationToken);
            foreach (var client in Sides)
            {
                if (client.Kind == upstream.Kind)
                {
                    continue;
                }

                var call = await CallAsync(client.Surface, cancellationToken);
                var translated = call.Translations.For(upstream.Kind, "model", limit: null)!;
                var figures = new List<(double Microseconds, double Bytes)>();
                for (var round = 0; round <= rounds; round++)
                {
                    var plain = await MeasureAsync(new MemoryStream(stream), cancellationToken);
                    var told = await MeasureAsync(translated.Over(new MemoryStream(stream), "text/event-stream"), cancellationToken);
                    figures.Add(((told.Cpu - plain.Cpu).TotalMicroseconds / events, (double)(told.Allocated - plain.Allocated) / events));
                }

                var (microseconds, bytes) = figures.Skip(1).OrderBy(figure => figure.Microseconds).ElementAt(rounds / 2); // The first warms up.
                await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{upstream.Name,-10} -> {client.Name,-12} {microseconds,9:0.00} {bytes,12:0}"));
            }
        }

        return 0;
    }

    private static async Task<(TimeSpan Cpu, long Allocated)> MeasureAsync(Stream stream, CancellationToken cancellationToken)
    {
        var (cpu, allocated) = (Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes(precise: true));
        await using (stream)
        {
            await stream.CopyToAsync(Stream.Null, 4096, cancellationToken);
        }

        return (Environment.CpuUsage.TotalTime - cpu, GC.GetTotalAllocatedBytes(precise: true) - allocated);
    }

    /// <summary>A long answer, as an upstream of this kind streams it.</summary>
    private static async Task<byte[]> StreamAsync(UpstreamKind kind, ISurface surface, int events, CancellationToken cancellationToken)
    {
        var call = await CallAsync(surface, cancellationToken);
        var protocol = Protocols.Of(kind);
        var writer = protocol.StartWriting(protocol.ReadRequest(call, new Losses()));
        var output = new ArrayBufferWriter<byte>();
        writer.Write(new AnswerBegan("answer", "model"), output);
        for (var i = 0; i < events; i++)
        {
            writer.Write(new TextDelta($" word{i % 10}, and"), output);
        }

        writer.Write(new UsageTold(new() { InputTokens = 100, OutputTokens = events }), output);
        writer.Write(new AnswerEnded(StopReason.EndTurn, null), output);
        return output.WrittenSpan.ToArray();
    }

    private static async Task<Call> CallAsync(ISurface surface, CancellationToken cancellationToken)
    {
        var body = surface.Name == "gemini" ? """{"contents":[{"role":"user","parts":[{"text":"Hello"}]}]}"""
            : surface == OpenAiSurface.Responses ? """{"model":"model","stream":true,"input":"Hello"}"""
            : """{"model":"model","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"Hello"}]}""";
        var http = new DefaultHttpContext();
        http.Request.Method = HttpMethods.Post;
        http.Request.Body = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(body));
        http.Request.ContentType = "application/json";
        http.Request.QueryString = new QueryString(surface.Name == "gemini" ? "?alt=sse" : "");
        http.Request.RouteValues[GeminiSurface.Target] = "model:streamGenerateContent";
        return await surface.ReadAsync(http.Request, CallKind.Generation, 1024 * 1024, cancellationToken);
    }
}
