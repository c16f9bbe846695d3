using System.Text.Json;
using CCGate.Hosting.Logging;
using Microsoft.Extensions.Logging;

namespace CCGate.Tests.Unit.Hosting.Logging;

public sealed class FileLogTests : IDisposable
{
    private readonly DirectoryInfo root = Directory.CreateTempSubdirectory("ccgate-logs-");

    private string Logs => Path.Combine(root.FullName, "logs");

    public void Dispose() => root.Delete(recursive: true);

    [Fact]
    public void Every_line_is_an_object_whatever_was_logged()
    {
        using (var log = Open())
        {
            Write(log, "two\nlines \u001b[2J\u2028 and a \"quote\"");
        }

        var line = Assert.Single(File.ReadAllLines(Path.Combine(Logs, "ccgate-run.log")));
        var entry = JsonElement.Parse(line);
        Assert.Equal("two\nlines \u001b[2J\u2028 and a \"quote\"", entry.GetProperty("message").GetString());
        Assert.Equal(("information", "Test"), (entry.GetProperty("level").GetString(), entry.GetProperty("category").GetString()));
    }

    [Fact]
    public void Full_files_make_room_and_the_oldest_go()
    {
        using (var file = new RollingFile(Logs, "ccgate-run", maxBytes: 100, maxFiles: 3))
        {
            for (var number = 0; number < 10; number++)
            {
                file.Append(new byte[80]);
            }
        }

        Assert.Equal(["ccgate-run.000008.log", "ccgate-run.000009.log", "ccgate-run.log"], Directory.GetFiles(Logs).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_directory_that_cannot_be_made_is_told_once_and_logging_goes_on()
    {
        File.WriteAllText(Logs, "a file stands where the directory should be");
        var complaints = new List<string>();
        using (var log = Open(complaints.Add))
        {
            for (var number = 0; number < 100; number++)
            {
                Write(log, "lost");
            }
        }

        Assert.Contains("telemetry.logs.directory", Assert.Single(complaints), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_was_moved_away_is_begun_anew()
    {
        using var file = new RollingFile(Logs, "ccgate-run", maxBytes: 1000, maxFiles: 3);
        file.Append("one\n"u8);
        Directory.Delete(Logs, recursive: true);

        file.Append("two\n"u8);
        file.Dispose();

        Assert.Equal("two\n", File.ReadAllText(Path.Combine(Logs, "ccgate-run.log")));
    }

    private FileLog Open(Action<string>? complain = null) =>
        new(Logs, "ccgate-run", maxBytes: 1 << 20, maxFiles: 3, TimeProvider.System, complain ?? (_ => { }));

    private static void Write(FileLog log, string message) => log.CreateLogger("Test").Log(LogLevel.Information, default, message, exception: null, static (text, _) => text);
}
