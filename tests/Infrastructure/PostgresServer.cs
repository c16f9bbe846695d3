using System.Globalization;
using Npgsql;

namespace CCGate.Tests.Infrastructure;

/// <summary>A real PostgreSQL: Debian's, on a free port with its own data, or the one <c>CCGATE_TEST_POSTGRES</c> names (a connection string).</summary>
internal sealed class PostgresServer : IDisposable
{
    /// <summary>Debian keeps each version in a directory of its own; the newest will do.</summary>
    public static readonly string Binaries = Directory.GetDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal).Last() + "/bin/";

    private static readonly Lazy<Task<PostgresServer>> OneForAll = new(() => StartAsync());
    private static int databases;

    private readonly string directory;
    private readonly string administration;
    private readonly int port;
    private ServerProcess? process;

    private PostgresServer(string directory, int port, string administration)
    {
        this.directory = directory;
        this.port = port;
        this.administration = administration;
    }

    /// <summary>The server all tests share; an outage test starts its own.</summary>
    public static Task<PostgresServer> SharedAsync() => OneForAll.Value;

    /// <summary>A server of one's own, to stop and start.</summary>
    public static async Task<PostgresServer> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("CCGATE_TEST_POSTGRES") is { Length: > 0 } given && !OneForAll.IsValueCreated)
        {
            return new PostgresServer("", 0, given);
        }

        var directory = ServerProcess.NewDirectory("postgres");
        var port = ServerProcess.FreePort();
        if (Environment.IsPrivilegedProcess)
        {
            await ServerProcess.RunAsync("/bin/chown", "postgres:", directory);
        }

        await ServerProcess.RunAsync([.. AsItsUser, Binaries + "initdb", "-D", directory + "/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"]);
        var server = new PostgresServer(directory, port, string.Create(
            CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres;Include Error Detail=true;Pooling=false"));
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.Dispose();
        await server.ResumeAsync();
        return server;
    }

    /// <summary>A new, empty database; the connection string to it.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"ccgate_test_{Environment.ProcessId}_{Interlocked.Increment(ref databases)}");
        await using var connection = new NpgsqlConnection(administration);
        await connection.OpenAsync();
        foreach (var statement in (string[])[$"drop database if exists {name} with (force)", $"create database {name} template template0"])
        {
            await using var command = new NpgsqlCommand(statement, connection);
            await command.ExecuteNonQueryAsync();
        }

        return new NpgsqlConnectionStringBuilder(administration) { Database = name, Pooling = true, MaxPoolSize = 20 }.ConnectionString;
    }

    /// <summary>As a crash would: every connection is cut, nothing is flushed.</summary>
    public void Kill()
    {
        process?.Dispose();
        process = null;
    }

    public async Task ResumeAsync()
    {
        process = ServerProcess.Start(
            Path.Combine(directory, "log"),
            "QUIT",
            [
                .. AsItsUser, Binaries + "postgres", "-D", directory + "/data", "-p", port.ToString(CultureInfo.InvariantCulture),
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=300", "-c", "shared_buffers=64MB",
            ],
            new Dictionary<string, string>());
        await Eventually.PassesAsync(async () =>
        {
            await using var connection = new NpgsqlConnection(administration);
            await connection.OpenAsync();
        });
    }

    public void Dispose()
    {
        Kill();
        if (directory.Length > 0)
        {
            ServerProcess.TryDelete(directory);
        }
    }

    // PostgreSQL refuses to run as root.
    private static string[] AsItsUser => Environment.IsPrivilegedProcess
        ? ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
        : ["/usr/bin/env"];
}
