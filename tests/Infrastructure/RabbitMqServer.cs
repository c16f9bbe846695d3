using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using CCGate.Contracts;
using RabbitMQ.Client;

namespace CCGate.Tests.Infrastructure;

/// <summary>A real RabbitMQ: Debian's, on free ports with its own data, or the one <c>CCGATE_TEST_RABBITMQ</c> names (an amqp address).</summary>
internal sealed class RabbitMqServer : IDisposable
{
    private static readonly Lazy<Task<RabbitMqServer>> OneForAll = new(() => StartAsync(Environment.GetEnvironmentVariable("CCGATE_TEST_RABBITMQ"), 24));

    private readonly string directory;
    private readonly Uri address;
    private readonly int virtualHosts;
    private readonly Dictionary<string, string> environment;
    private ServerProcess? process;
    private int givenOut;

    private RabbitMqServer(string directory, Uri address, int virtualHosts, Dictionary<string, string> environment)
    {
        this.directory = directory;
        this.address = address;
        this.virtualHosts = virtualHosts;
        this.environment = environment;
    }

    /// <summary>The broker all tests share; an outage test starts its own.</summary>
    public static Task<RabbitMqServer> SharedAsync() => OneForAll.Value;

    /// <summary>A broker of one's own, to kill and start again.</summary>
    public static Task<RabbitMqServer> StartAsync() => StartAsync(given: null, virtualHosts: 1);

    private static async Task<RabbitMqServer> StartAsync(string? given, int virtualHosts)
    {
        if (given is { Length: > 0 })
        {
            return new RabbitMqServer("", new Uri(given), 0, []);
        }

        var directory = ServerProcess.NewDirectory("rabbitmq");
        var port = ServerProcess.FreePort();
        await File.WriteAllTextAsync(directory + "/enabled_plugins", "[].");
        await File.WriteAllTextAsync(directory + "/definitions.json", Definitions(virtualHosts));
        await File.WriteAllTextAsync(directory + "/rabbitmq.conf", string.Create(
            CultureInfo.InvariantCulture,
            $"listeners.tcp.1 = 127.0.0.1:{port}\nload_definitions = {directory}/definitions.json\nlog.console = true\nlog.file = false\ndisk_free_limit.absolute = 10MB\n"));

        var server = new RabbitMqServer(directory, new Uri($"amqp://guest:guest@127.0.0.1:{port}"), virtualHosts, new()
        {
            ["HOME"] = directory,
            ["ERL_CRASH_DUMP"] = directory + "/erl_crash.dump",
            ["RABBITMQ_NODENAME"] = string.Create(CultureInfo.InvariantCulture, $"ccgate-test-{port}@localhost"),
            ["RABBITMQ_MNESIA_BASE"] = directory + "/mnesia",
            ["RABBITMQ_LOG_BASE"] = directory + "/log",
            ["RABBITMQ_CONF_ENV_FILE"] = "/dev/null",
            ["RABBITMQ_CONFIG_FILE"] = directory + "/rabbitmq",
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = directory + "/enabled_plugins",
            ["RABBITMQ_DIST_PORT"] = ServerProcess.FreePort().ToString(CultureInfo.InvariantCulture),
            ["ERL_EPMD_PORT"] = ServerProcess.FreePort().ToString(CultureInfo.InvariantCulture),
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",

            // One scheduler that does not spin: the tests need the processors too.
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "+S 1:1 +sbwt none",
        });
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.Dispose();
        await server.ResumeAsync();
        return server;
    }

    /// <summary>The address of a virtual host nobody else uses; on a given broker, of its own one, emptied of our queues.</summary>
    public async Task<Uri> CreateVirtualHostAsync()
    {
        if (directory.Length > 0)
        {
            var number = Interlocked.Increment(ref givenOut);
            Assert.True(number <= virtualHosts, "make more virtual hosts at the start");
            return new Uri(address, string.Create(CultureInfo.InvariantCulture, $"/test-{number}"));
        }

        await using var connection = await new ConnectionFactory { Uri = address }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        foreach (var name in (string[])[UsageTopology.Queue, UsageTopology.ErrorQueue])
        {
            await channel.QueueDeleteAsync(name);
            await channel.ExchangeDeleteAsync(name);
        }

        return address;
    }

    /// <summary>
    /// Returns when a kill cannot hurt the queues: RabbitMQ 3.10 writes down some seconds late that a quorum queue exists, and when it is killed before
    /// that, the queue comes back without its messages and without a leader.
    /// </summary>
    public Task QueueIsOnDiskAsync() => Eventually.HoldsAsync(
        () => Directory.EnumerateFiles(directory + "/mnesia", "names.dets", SearchOption.AllDirectories).Any(file =>
        {
            using var names = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite), Encoding.Latin1);

            // Not the error queue, whose name begins alike.
            return Regex.IsMatch(names.ReadToEnd(), Regex.Escape(UsageTopology.Queue) + "(?!_)");
        }),
        "the queue is on disk");

    /// <summary>As kill -9 does it.</summary>
    public void Kill()
    {
        process?.Dispose();
        process = null;
    }

    public async Task ResumeAsync()
    {
        // The name server is started by us, or RabbitMQ would leave one behind as a daemon.
        process = ServerProcess.Start(
            directory + "/output",
            "KILL",
            ["/bin/sh", "-c", "epmd -port $ERL_EPMD_PORT & exec /usr/lib/rabbitmq/bin/rabbitmq-server"],
            environment);
        await Eventually.PassesAsync(async () =>
        {
            using var client = new TcpClient();
            await client.ConnectAsync(address.Host, address.Port);
        });
    }

    /// <summary>Holds it still: connections stay open and nothing is answered.</summary>
    public Task FreezeAsync() => process!.SignalAsync("STOP");

    public Task ThawAsync() => process!.SignalAsync("CONT");

    /// <summary>As an operator does it.</summary>
    public async Task RestartAsync()
    {
        await process!.StopAsync();
        await ResumeAsync();
    }

    public async Task KillAndResumeAsync()
    {
        Kill();
        await ResumeAsync();
    }

    public void Dispose()
    {
        Kill();
        if (directory.Length > 0)
        {
            ServerProcess.TryDelete(directory);
        }
    }

    /// <summary>Virtual hosts made at the start: making one later takes a second of rabbitmqctl.</summary>
    private static string Definitions(int virtualHosts)
    {
        var names = Enumerable.Range(1, virtualHosts).Select(number => string.Create(CultureInfo.InvariantCulture, $"test-{number}")).ToList();
        return JsonSerializer.Serialize(new
        {
            users = new[] { new { name = "guest", password = "guest", tags = "administrator" } },
            vhosts = names.Select(name => new { name }),
            permissions = names.Select(vhost => new { user = "guest", vhost, configure = ".*", write = ".*", read = ".*" }),
        });
    }
}
