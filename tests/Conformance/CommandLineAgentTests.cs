using CCGate.Tests.Infrastructure;
using CCGate.Tests.Infrastructure.Models;

namespace CCGate.Tests.Conformance;

/// <summary>Claude Code, Codex and Gemini CLI at work, each with a model behind the gateway that is as strict as its provider.</summary>
public sealed class CommandLineAgentTests : IDisposable
{
    private static readonly CommandLineAgent[] Agents = [new("claude", "anthropic"), new("codex", "openai-responses"), new("gemini", "gemini")];

    private readonly DirectoryInfo directory = System.IO.Directory.CreateTempSubdirectory("ccgate-agent-");

    /// <summary>Which agent is tried with which kind of upstream.</summary>
    public static TheoryData<string, string> Pairs
    {
        get
        {
            var pairs = new TheoryData<string, string>();
            foreach (var (agent, kind) in Agents.SelectMany(agent => ClientLibraries.Kinds.Select(kind => (agent, kind))))
            {
                pairs.Add(agent.Name, kind);
            }

            return pairs;
        }
    }

    /// <summary>What an agent has left running may still write there.</summary>
    public void Dispose() => ServerProcess.TryDelete(directory.FullName);

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task It_writes_a_file_as_the_model_tells_it_to_and_every_request_is_billed(string name, string kind)
    {
        var agent = Agents.Single(agent => agent.Name == name);
        var file = Path.Combine(directory.FullName, "work", "greeting.txt");
        var requested = ClientLibraries.Protocol(agent.Speaks).Model;
        await using var gateway = await ModelGateway.StartAsync(kind);
        gateway.Begin(ModelScripts.Once(CommandLineAgent.Writing(file, "Grüße, 世界")));

        var result = await agent.RunAsync(gateway.Url, requested, directory, "Write a greeting to greeting.txt.");

        var model = gateway.Model;
        Assert.True(model.Refusals.IsEmpty, string.Join('\n', model.Refusals));
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.True(File.Exists(file), $"{result}\n{string.Join('\n', model.Requests.Select(request => string.Join(' ', request.Tools.Select(tool => tool.Name))))}");
        Assert.Equal("Grüße, 世界", await File.ReadAllTextAsync(file));
        Assert.Contains("Done: ", result.Output, StringComparison.Ordinal);
        await gateway.AssertBilledAsync();
    }
}
