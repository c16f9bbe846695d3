using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace CCGate.Tests.Infrastructure;

/// <summary>What an upstream was sent.</summary>
internal sealed record ReceivedRequest(string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>A real provider on a real port that answers as the test says and remembers what it was asked.</summary>
internal sealed class ScriptedUpstream : IAsyncDisposable
{
    private readonly WebApplication app;

    private ScriptedUpstream(WebApplication app) => this.app = app;

    public string Url => app.Urls.First();

    public ConcurrentQueue<ReceivedRequest> Received { get; } = new();

    /// <summary>How the next requests are answered.</summary>
    public RequestDelegate Answer { get; set; } = http => AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);

    public static async Task<ScriptedUpstream> StartAsync(RequestDelegate? answer = null, Action<ListenOptions>? listen = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen ?? (_ => { }));
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.ResponseHeaderEncodingSelector = _ => Encoding.UTF8;
        });
        builder.Logging.ClearProviders();
        var upstream = new ScriptedUpstream(builder.Build());
        upstream.Answer = answer ?? upstream.Answer;
        upstream.app.Run(upstream.HandleAsync);
        await upstream.app.StartAsync();
        return upstream;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task HandleAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        var headers = http.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        Received.Enqueue(new ReceivedRequest(http.Request.Method, http.Request.Path, http.Request.QueryString.Value ?? "", headers, body.ToArray()));
        http.Items["body"] = body;
        await Answer(http);
    }
}

/// <summary>Answers in the Anthropic protocol, with the usage of the metering vector: $0.0144774 at the prices of Sonnet 4.</summary>
internal static class AnthropicAnswers
{
    public const string VectorModel = "claude-sonnet-4-20250514";
    public const decimal VectorUsd = 0.0144774m;

    private const string VectorUsage = """
        "input_tokens":103,"cache_creation_input_tokens":1276,"cache_read_input_tokens":26358,"cache_creation":{"ephemeral_5m_input_tokens":1000,"ephemeral_1h_input_tokens":276}
        """;

    public const string VectorJson = $$$"""
        {"id":"msg_1","type":"message","role":"assistant","model":"{{{VectorModel}}}","content":[{"type":"text","text":"Grüße, 世界 🌍"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{ {{{VectorUsage}}},"output_tokens":57,"service_tier":"standard"},"x_unknown":{"kept":true}}
        """;

    /// <summary>The frames of a stream: with a signature, an event nobody knows, and characters of several bytes.</summary>
    public static readonly string[] VectorFrames =
    [
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"" + VectorModel
            + "\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{" + VectorUsage + ",\"output_tokens\":1,\"service_tier\":\"standard\"}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"EqQBCgIYAhIM+/=\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: an_event_of_2031\ndata: {\"type\":\"an_event_of_2031\",\"x\":[1,  2]}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Grüße, 世界 🌍\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":57}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ];

    public static string VectorStream => string.Concat(VectorFrames);

    public static Task JsonAsync(HttpContext http, string json, int status = 200, string? encoding = null) =>
        WriteAsync(http, "application/json", json, status, encoding);

    public static Task StreamAsync(HttpContext http, string stream, string? encoding = null) =>
        WriteAsync(http, "text/event-stream; charset=utf-8", stream, 200, encoding);

    /// <summary>Frames written and flushed one by one, each after what the test awaits before it.</summary>
    public static async Task FramesAsync(HttpContext http, IEnumerable<string> frames, Func<int, Task>? before = null)
    {
        http.Response.ContentType = "text/event-stream";
        foreach (var (index, frame) in frames.Index())
        {
            if (before is not null)
            {
                await before(index);
            }

            await http.Response.WriteAsync(frame, http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
        }
    }

    public static Task ErrorAsync(HttpContext http, int status, string type)
    {
        http.Response.Headers["request-id"] = "req_upstream";
        return JsonAsync(http, $$$"""{"type":"error","error":{"type":"{{{type}}}","message":"said the upstream"},"request_id":"req_upstream"}""", status);
    }

    private static async Task WriteAsync(HttpContext http, string contentType, string text, int status, string? encoding)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = contentType;
        http.Response.Headers["request-id"] = "req_upstream";
        var bytes = Encoding.UTF8.GetBytes(text);
        if (encoding is not null)
        {
            http.Response.Headers.ContentEncoding = encoding;
            bytes = Compress(bytes, encoding);
        }

        await http.Response.Body.WriteAsync(bytes, http.RequestAborted);
    }

    private static byte[] Compress(byte[] bytes, string encoding)
    {
        using var output = new MemoryStream();
        using (Stream compressor = encoding switch
        {
            "gzip" => new GZipStream(output, CompressionLevel.Fastest),
            "br" => new BrotliStream(output, CompressionLevel.Fastest),
            _ => new ZLibStream(output, CompressionLevel.Fastest),
        })
        {
            compressor.Write(bytes);
        }

        return output.ToArray();
    }
}
