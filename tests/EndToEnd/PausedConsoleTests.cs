using System.Diagnostics;
using System.Globalization;
using System.Net;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd;

/// <summary>A terminal that somebody paused, or a pipe that nobody reads.</summary>
public sealed class PausedConsoleTests
{
    [Fact]
    public async Task A_console_that_nobody_reads_stops_no_request()
    {
        using var files = GatewayFiles.With(GatewayFiles.Simulator(), server: """{ "telemetry": { "logs": { "console": "json", "level": "trace" } } }""");
        var url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{ServerProcess.FreePort()}");
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "ccgate.dll"), "run", .. files.Options, "--urls", url]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        try
        {
            using var http = new HttpClient { BaseAddress = new Uri(url), Timeout = TimeSpan.FromSeconds(20) };
            await Eventually.HoldsAsync(() => ListensAsync(http), "the gateway listens");

            // A pipe takes 64 KiB and the logger's queue 2500 lines.
            for (var asked = 0; asked < 3000; asked += 50)
            {
                await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => AskAsync(http)));
            }
        }
        finally
        {
            process.Kill();
        }
    }

    private static async Task AskAsync(HttpClient http)
    {
        using var response = await http.PostMessageAsync(TestGateway.Body(stream: false));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        await response.Content.ReadAsStringAsync();
    }

    private static async Task<bool> ListensAsync(HttpClient http)
    {
        try
        {
            using var response = await http.GetAsync("/health/live");
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
