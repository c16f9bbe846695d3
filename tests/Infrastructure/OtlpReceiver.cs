using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace CCGate.Tests.Infrastructure;

/// <summary>Attributes by name: strings, bools, longs, doubles, or lists of them.</summary>
internal sealed class OtlpAttributes(IEnumerable<KeyValuePair<string, object?>> attributes)
    : Dictionary<string, object?>(attributes.DistinctBy(attribute => attribute.Key), StringComparer.Ordinal)
{
    /// <summary>As text, null when it is not there.</summary>
    public string? Text(string name) => TryGetValue(name, out var value) ? Convert.ToString(value, CultureInfo.InvariantCulture) : null;

    /// <summary>Whether each of these has this value.</summary>
    public bool Have(params ReadOnlySpan<(string Name, string Value)> expected)
    {
        foreach (var (name, value) in expected)
        {
            if (Text(name) != value)
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>A span that was received; ids in lower-case hexadecimal, the parent's empty for a root.</summary>
/// <param name="Kind">1 internal, 2 server, 3 client, 4 producer, 5 consumer.</param>
/// <param name="Status">0 unset, 1 ok, 2 error.</param>
internal sealed record OtlpSpan(
    string Name, string Scope, int Kind, string TraceId, string SpanId, string ParentId, OtlpAttributes Attributes, OtlpAttributes Resource,
    int Status, string StatusMessage, DateTimeOffset Start, TimeSpan Duration, IReadOnlyList<OtlpEvent> Events, IReadOnlyList<OtlpLink> Links);

/// <summary>What happened during a span.</summary>
internal sealed record OtlpEvent(string Name, OtlpAttributes Attributes);

/// <summary>Another span that one belongs with.</summary>
internal sealed record OtlpLink(string TraceId, string SpanId, OtlpAttributes Attributes);

/// <summary>A value that was received; of a histogram <see cref="Value"/> is the sum.</summary>
/// <param name="Kind"><c>gauge</c>, <c>counter</c> (a monotonic sum), <c>sum</c> or <c>histogram</c>.</param>
/// <param name="Counts">Of each bucket, not of those below.</param>
internal sealed record OtlpPoint(
    string Name, string Scope, string Unit, string Description, string Kind, OtlpAttributes Attributes, OtlpAttributes Resource,
    double Value, long Count, IReadOnlyList<double> Bounds, IReadOnlyList<long> Counts);

/// <summary>A log record that was received.</summary>
/// <param name="Severity">1 to 24; 9 is information, 13 a warning, 17 an error.</param>
internal sealed record OtlpLog(
    string Body, int Severity, string SeverityText, string Scope, string EventName, string TraceId, string SpanId, OtlpAttributes Attributes, OtlpAttributes Resource);

/// <summary>A real collector's receiving end: OTLP by gRPC on one port and by HTTP on another, decoded.</summary>
/// <remarks>
/// Field numbers: opentelemetry/proto/{trace/v1/trace,metrics/v1/metrics,logs/v1/logs,common/v1/common,resource/v1/resource}.proto
/// of https://github.com/open-telemetry/opentelemetry-proto.
/// </remarks>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentQueue<OtlpSpan> spans = new();
    private readonly ConcurrentQueue<OtlpPoint> points = new();
    private readonly ConcurrentQueue<OtlpLog> logs = new();

    private OtlpReceiver(WebApplication app) => this.app = app;

    /// <summary>For <c>telemetry.otlpEndpoint</c> with <c>otlpProtocol</c> <c>grpc</c>.</summary>
    public string GrpcUrl => app.Urls.First();

    /// <summary>For <c>http/protobuf</c>.</summary>
    public string HttpUrl => app.Urls.Last();

    public IReadOnlyList<OtlpSpan> Spans => [.. spans];

    /// <summary>Every value of every export, so each series again and again; the last is the newest.</summary>
    public IReadOnlyList<OtlpPoint> Metrics => [.. points];

    public IReadOnlyList<OtlpLog> Logs => [.. logs];

    /// <summary>The paths that were posted to, and the headers with them.</summary>
    public ConcurrentQueue<(string Path, IReadOnlyDictionary<string, string> Headers)> Requests { get; } = new();

    /// <summary>The bytes as they came, to look for what must not be in them.</summary>
    public ConcurrentQueue<byte[]> Bodies { get; } = new();

    public static async Task<OtlpReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            // Without TLS a port must know which of the two is spoken.
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Logging.ClearProviders();
        var receiver = new OtlpReceiver(builder.Build());
        receiver.app.Run(receiver.TakeAsync);
        await receiver.app.StartAsync();
        return receiver;
    }

    /// <summary>The newest value of a series, null before there is one.</summary>
    public OtlpPoint? Metric(string name, params (string Name, string Value)[] attributes) =>
        points.LastOrDefault(point => point.Name == name && point.Attributes.Have(attributes));

    /// <summary>The first span that fits, once there is one.</summary>
    public async Task<OtlpSpan> SpanAsync(Func<OtlpSpan, bool> fits)
    {
        await Eventually.HoldsAsync(() => spans.Any(fits), "the span arrives");
        return spans.First(fits);
    }

    /// <summary>The first log record that fits, once there is one.</summary>
    public async Task<OtlpLog> LogAsync(Func<OtlpLog, bool> fits)
    {
        await Eventually.HoldsAsync(() => logs.Any(fits), "the log record arrives");
        return logs.First(fits);
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task TakeAsync(HttpContext http)
    {
        using var received = new MemoryStream();
        await http.Request.Body.CopyToAsync(received, http.RequestAborted);
        var body = received.ToArray();
        var isGrpc = http.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) == true;
        if (isGrpc)
        {
            // A byte that says whether it is compressed, and the length: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
            Assert.Equal(0, body[0]);
            body = body.AsSpan(5, BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(1))).ToArray();
        }

        Requests.Enqueue((http.Request.Path.Value!, http.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase)));
        Bodies.Enqueue(body);
        Read(http.Request.Path.Value!, new ProtobufMessage(body));
        http.Response.ContentType = isGrpc ? "application/grpc" : "application/x-protobuf";
        if (isGrpc)
        {
            await http.Response.Body.WriteAsync(new byte[5], http.RequestAborted);
            http.Response.AppendTrailer("grpc-status", "0");
        }
    }

    private void Read(string path, ProtobufMessage request)
    {
        foreach (var group in request.Messages(1))
        {
            var resource = Attributes(group.Message(1), 1);
            foreach (var inScope in group.Messages(2))
            {
                var scope = inScope.Message(1).Text(1);
                foreach (var item in inScope.Messages(2))
                {
                    switch (path)
                    {
                        case "/v1/traces" or "/opentelemetry.proto.collector.trace.v1.TraceService/Export":
                            spans.Enqueue(SpanOf(item, scope, resource));
                            break;
                        case "/v1/metrics" or "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export":
                            ReadMetric(item, scope, resource);
                            break;
                        case "/v1/logs" or "/opentelemetry.proto.collector.logs.v1.LogsService/Export":
                            logs.Enqueue(LogOf(item, scope, resource));
                            break;
                        default:
                            throw new InvalidOperationException($"nothing is received at {path}");
                    }
                }
            }
        }
    }

    private static OtlpSpan SpanOf(ProtobufMessage span, string scope, OtlpAttributes resource) => new(
        span.Text(5), scope, (int)span.Unsigned(6), span.Hexadecimal(1), span.Hexadecimal(2), span.Hexadecimal(4), Attributes(span, 9), resource,
        (int)span.Message(15).Unsigned(3), span.Message(15).Text(2), Instant(span.Unsigned(7)), Instant(span.Unsigned(8)) - Instant(span.Unsigned(7)),
        [.. span.Messages(11).Select(happened => new OtlpEvent(happened.Text(2), Attributes(happened, 3)))],
        [.. span.Messages(13).Select(link => new OtlpLink(link.Hexadecimal(1), link.Hexadecimal(2), Attributes(link, 4)))]);

    private static OtlpLog LogOf(ProtobufMessage log, string scope, OtlpAttributes resource) => new(
        Convert.ToString(Any(log.Message(5)), CultureInfo.InvariantCulture) ?? "", (int)log.Unsigned(2), log.Text(3), scope, log.Text(12), log.Hexadecimal(9), log.Hexadecimal(10),
        Attributes(log, 6), resource);

    private void ReadMetric(ProtobufMessage metric, string scope, OtlpAttributes resource)
    {
        OtlpPoint Point(string kind, OtlpAttributes attributes, double value, long count = 0, IReadOnlyList<double>? bounds = null, IReadOnlyList<long>? counts = null) =>
            new(metric.Text(1), scope, metric.Text(3), metric.Text(2), kind, attributes, resource, value, count, bounds ?? [], counts ?? []);

        foreach (var (number, kind) in ((int, string)[])[(5, "gauge"), (7, metric.Message(7).Unsigned(3) == 1 ? "counter" : "sum")])
        {
            foreach (var point in metric.Message(number).Messages(1))
            {
                points.Enqueue(Point(kind, Attributes(point, 7), point.Has(4) ? point.Double(4) : point.Signed(6)));
            }
        }

        foreach (var point in metric.Message(9).Messages(1))
        {
            points.Enqueue(Point(
                "histogram", Attributes(point, 9), point.Double(5), point.Signed(4),
                [.. point.Fixed64s(7).Select(BitConverter.UInt64BitsToDouble)], [.. point.Fixed64s(6).Select(count => (long)count)]));
        }
    }

    private static OtlpAttributes Attributes(ProtobufMessage message, int number) =>
        new(message.Messages(number).Select(pair => KeyValuePair.Create(pair.Text(1), Any(pair.Message(2)))));

    private static object? Any(ProtobufMessage value) => value switch
    {
        _ when value.Has(1) => value.Text(1),
        _ when value.Has(2) => value.Unsigned(2) == 1,
        _ when value.Has(3) => value.Signed(3),
        _ when value.Has(4) => value.Double(4),
        _ when value.Has(5) => value.Message(5).Messages(1).Select(Any).ToList(),
        _ when value.Has(6) => Attributes(value.Message(6), 1),
        _ when value.Has(7) => value.Hexadecimal(7),
        _ => null,
    };

    private static DateTimeOffset Instant(ulong nanoseconds) => DateTimeOffset.UnixEpoch.AddTicks((long)(nanoseconds / 100));
}
