using System.Text.Json;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using CCGate.Tests.Infrastructure.Models;

namespace CCGate.Tests.Conformance;

/// <summary>What a client library made of an answer, in its own words.</summary>
internal sealed record ClientAnswer(
    string Text, string Thoughts, IReadOnlyList<ClientCall> Calls, IReadOnlyList<ClientUsage> Usages, IReadOnlyList<string> Stops, ClientError? Error);

internal sealed record ClientCall(string Name, JsonElement Arguments);

/// <summary>Tokens as the client counts them; the prompt includes what caches held.</summary>
internal sealed record ClientUsage(long Prompt, long CacheRead, long Output, long? Reasoning);

internal sealed record ClientError(string Type, int? Status, string Message, string? RetryAfter, string Stack);

/// <summary>One client library, the gateway, and one model that plays a script.</summary>
internal sealed class ClientRun(NodeClient script, ClientLibrary library, ModelGateway gateway)
{
    public ModelUpstream Model => gateway.Model;

    public async Task<ClientAnswer> AskAsync(string scenario, bool stream)
    {
        // A client asks for a model of its own provider's, for libraries know them by name and ask them differently.
        var model = ClientLibraries.Protocol(library.Speaks).Model;
        var answer = await script.AskAsync(new { client = library.Name, scenario, stream, url = gateway.Url + library.Surface, key = TestGateway.Key, model });
        return JsonSerializer.Deserialize<ClientAnswer>(answer, JsonSerializerOptions.Web)!;
    }

    public Task<RequestCompleted> EventAsync() => gateway.EventAsync();

    /// <summary>The client read what the model said, and the tenant is billed what the provider bills.</summary>
    public async Task AssertToldAndBilledAsync(ClientAnswer answer)
    {
        Assert.True(Model.Refusals.IsEmpty, string.Join('\n', Model.Refusals));
        Assert.Null(answer.Error);
        var said = Model.Said.ToArray();
        Assert.Equal(string.Concat(said.Select(one => one.Text)), answer.Text);
        AssertCalls([.. said.SelectMany(one => one.Parts.OfType<ModelToolCall>())], answer.Calls);
        Assert.Equal(said.Length, answer.Usages.Count);
        Assert.All(said.Zip(answer.Usages), pair => AssertUsage(pair.First.Usage, pair.Second));
        await gateway.AssertBilledAsync();
    }

    private static void AssertCalls(ModelToolCall[] expected, IReadOnlyList<ClientCall> calls)
    {
        Assert.Equal(expected.Select(call => call.Name), calls.Select(call => call.Name));
        Assert.All(expected.Zip(calls), pair => Assert.True(
            JsonElement.DeepEquals(JsonElement.Parse(pair.First.Arguments), pair.Second.Arguments), $"{pair.First.Arguments} became {pair.Second.Arguments}"));
    }

    private static void AssertUsage(TokenUsage owed, ClientUsage told)
    {
        Assert.Equal((owed.PromptTokens, owed.CacheReadTokens, owed.OutputTokens), (told.Prompt, told.CacheRead, told.Output));
        Assert.Contains(told.Reasoning, (long?[])[null, owed.ReasoningTokens]);
    }
}
