using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using CCGate.Hosting.Secrets;
using Microsoft.Data.Sqlite;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate backup</c>: a consistent copy of a data directory, made beside the gateway that uses it.</summary>
internal sealed class BackupCommand
{
    /// <summary>
    /// The databases in the order in which they are copied. A fact leaves the journal when the store counts it: what is in no journal that was copied first is in
    /// the store that is copied after it. The other way round, what was stored in between would be in neither. What is in both is stored once.
    /// </summary>
    private static readonly string[] Databases = ["journal.db", "store.db"];

    /// <summary>What is written once and never changes.</summary>
    private static readonly string[] Files = [SecretsKey.FileName, "instance", "demo.secrets"];

    private readonly Option<DirectoryInfo> data = new("--data") { Description = "The data directory of 'ccgate run', or of a proxy.", DefaultValueFactory = _ => new DirectoryInfo("./data") };
    private readonly Option<DirectoryInfo> to = new("--to") { Description = "The directory to make; it appears when it is complete.", Required = true };
    private readonly Option<bool> json = new("--json") { Description = "Print what was copied as JSON." };

    public static Command Create()
    {
        var backup = new BackupCommand();
        var command = new Command("backup", "Copy a data directory while its gateway runs: journal, store and the key that seals secrets.") { backup.data, backup.to, backup.json };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => backup.RunAsync(parsed, cancellationToken)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (source, target) = (parsed.GetValue(data)!, new DirectoryInfo(Path.TrimEndingDirectorySeparator(parsed.GetValue(to)!.FullName)));
        var partial = new DirectoryInfo(target.FullName + ".partial");
        Check(source, target, partial);
        IReadOnlyList<BackupFile> copied;
        try
        {
            copied = Copy(source, partial, new ProgressText(parsed.InvocationConfiguration.Error, "backup"), cancellationToken);
            Directory.Move(partial.FullName, target.FullName);
        }
        catch (Exception failure)
        {
            partial.Delete(recursive: true);
            if (failure is IOException or UnauthorizedAccessException)
            {
                throw new CommandFailedException($"--to: {target.FullName} cannot be written: {failure.Message}");
            }

            throw;
        }

        await parsed.InvocationConfiguration.Output.WriteLineAsync(parsed.GetValue(json) ? Json(target, copied) : Text(target, copied));
        return Exit.Ok;
    }

    private static void Check(DirectoryInfo source, DirectoryInfo target, DirectoryInfo partial)
    {
        if (!Databases.Any(name => File.Exists(Path.Combine(source.FullName, name))))
        {
            throw new CommandFailedException($"--data: there is neither a journal nor a store in {source.FullName}.");
        }

        if (target.Exists || File.Exists(target.FullName))
        {
            throw new CommandFailedException($"--to: {target.FullName} is there already; a backup never replaces one.");
        }

        if (partial.Exists)
        {
            throw new CommandFailedException($"--to: there is {partial.FullName} of a backup that still runs or was killed; if none runs, delete it.");
        }

        if (OperatingSystem.IsWindows())
        {
            partial.Create();
        }
        else
        {
            // What is sealed in the store is readable with the key beside it.
            partial.Parent!.Create();
            Directory.CreateDirectory(partial.FullName, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static List<BackupFile> Copy(DirectoryInfo source, DirectoryInfo target, ProgressText progress, CancellationToken cancellationToken)
    {
        SQLitePCL.Batteries_V2.Init();
        var present = Databases.Concat(Files).Where(name => File.Exists(Path.Combine(source.FullName, name))).ToList();
        var total = Math.Max(1, present.Sum(name => new FileInfo(Path.Combine(source.FullName, name)).Length));
        var (done, copied) = (0L, new List<BackupFile>());
        foreach (var name in present)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (from, into) = (Path.Combine(source.FullName, name), Path.Combine(target.FullName, name));
            if (Databases.Contains(name))
            {
                CopyDatabase(from, into, cancellationToken);
            }
            else
            {
                File.Copy(from, into); // With its permissions.
            }

            using (var written = new FileStream(into, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            {
                written.Flush(flushToDisk: true);
                copied.Add(new BackupFile(name, written.Length));
            }

            done += new FileInfo(from).Length;
            progress.Report(Math.Min(1, (double)done / total));
        }

        return copied;
    }

    /// <summary>One read transaction, for which no writer waits; the copy is one file without a write-ahead log, and is read once more to its end.</summary>
    private static void CopyDatabase(string from, string into, CancellationToken cancellationToken)
    {
        using (var connection = Open(from, SqliteOpenMode.ReadWrite))
        {
            using var interrupt = cancellationToken.Register(() => SQLitePCL.raw.sqlite3_interrupt(connection.Handle));
            using var command = connection.CreateCommand();
            command.CommandText = "vacuum into @into";
            command.Parameters.AddWithValue("@into", into);
            command.CommandTimeout = 0;
            Run(() => command.ExecuteNonQuery(), cancellationToken);
        }

        using var copy = Open(into, SqliteOpenMode.ReadOnly);
        using var check = copy.CreateCommand();
        check.CommandText = "pragma quick_check";
        check.CommandTimeout = 0;
        if ((string?)check.ExecuteScalar() is var found and not "ok")
        {
            throw new CommandFailedException($"{from} is damaged, so that there is no backup of it: {found}");
        }
    }

    private static void Run(Action action, CancellationToken cancellationToken)
    {
        try
        {
            action();
        }
        catch (SqliteException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }

    private static SqliteConnection Open(string path, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = mode, Pooling = false, DefaultTimeout = 30 }.ConnectionString);
        connection.Open();
        return connection;
    }

    private static string Text(DirectoryInfo target, IReadOnlyList<BackupFile> copied) =>
        $"Written to {target.FullName}: {string.Join(", ", copied.Select(file => string.Create(CultureInfo.InvariantCulture, $"{file.Name} ({file.Bytes:N0} bytes)")))}.";

    private static string Json(DirectoryInfo target, IReadOnlyList<BackupFile> copied)
    {
        var files = new JsonArray([.. copied.Select(file => (JsonNode)new JsonObject { ["name"] = file.Name, ["bytes"] = file.Bytes })]);
        return new JsonObject { ["directory"] = target.FullName, ["files"] = files }.ToJsonString();
    }

    private sealed record BackupFile(string Name, long Bytes);
}
