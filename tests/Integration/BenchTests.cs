using System.Diagnostics;

namespace CCGate.Tests.Integration;

/// <summary>The benchmark cannot rot: it runs once at a tiny size, and fails when an answer, the number of stored events or the bill is wrong.</summary>
public sealed class BenchTests
{
    [Fact]
    public async Task The_benchmark_runs_and_finds_the_bill_right()
    {
        var figures = Path.GetTempFileName();
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "CCGate.Bench.dll"), "--test", "--json", figures])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var bench = Process.Start(start)!;
        var output = bench.StandardOutput.ReadToEndAsync();
        var error = bench.StandardError.ReadToEndAsync();
        await bench.WaitForExitAsync();

        Assert.True(bench.ExitCode == 0, await output + await error);
        Assert.Contains("ccgate / yarp", await output, StringComparison.Ordinal);
        Assert.Contains("paced-200", await File.ReadAllTextAsync(figures), StringComparison.Ordinal);
        File.Delete(figures);
    }
}
