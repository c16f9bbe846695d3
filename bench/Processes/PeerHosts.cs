using System.CommandLine;
using CCGate.Bench.Load;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Bench.Processes;

/// <summary>What stands around the gateway in a run, each a process of its own: the upstream, and the bare forwarder that is the yardstick.</summary>
internal static class PeerHosts
{
    public const string Upstream = "upstream";
    public const string Forwarder = "forwarder";

    public static Command UpstreamCommand()
    {
        var command = new Command(Upstream, "The scripted provider of a run.") { Hidden = true };
        command.SetAction((_, cancellationToken) => RunAsync(Create(), app => app.Run(AnswerAsync), cancellationToken));
        return command;
    }

    public static Command ForwarderCommand()
    {
        var destination = new Argument<string>("destination");
        var command = new Command(Forwarder, "YARP as it comes, forwarding everything: no keys, no budget, no meter, no journal.") { destination };
        command.Hidden = true;
        command.SetAction((parsed, cancellationToken) =>
        {
            var builder = Create();
            builder.Services.AddHttpForwarder();
            return RunAsync(builder, app => app.MapForwarder("/{**path}", parsed.GetValue(destination)!), cancellationToken);
        });
        return command;
    }

    private static WebApplicationBuilder Create()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        return builder;
    }

    private static async Task RunAsync(WebApplicationBuilder builder, Action<WebApplication> map, CancellationToken cancellationToken)
    {
        await using var app = builder.Build();
        map(app);
        await app.StartAsync(cancellationToken);
        await Console.Out.WriteLineAsync($"{BenchProcess.ListensOn}{app.Urls.First()}");
        await app.WaitForShutdownAsync(cancellationToken);
    }

    private static async Task AnswerAsync(HttpContext http)
    {
        var cancellationToken = http.RequestAborted;
        await http.Request.Body.CopyToAsync(System.IO.Stream.Null, cancellationToken);
        var asked = http.Request.Headers[UpstreamAnswer.Header].ToString();
        var answer = UpstreamAnswer.All.Single(answer => answer.Name == asked);
        http.Response.ContentType = answer.ContentType;
        http.Response.Headers["request-id"] = "req_bench";
        foreach (var (index, frame) in answer.Frames.Index())
        {
            if (index > 0 && answer.Pause > TimeSpan.Zero)
            {
                await Task.Delay(answer.Pause, TimeProvider.System, cancellationToken);
            }

            await http.Response.Body.WriteAsync(frame, cancellationToken);
            await http.Response.Body.FlushAsync(cancellationToken);
        }
    }
}
