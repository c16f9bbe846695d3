using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text;
using System.Text.Json;
using Anthropic;
using Anthropic.Exceptions;
using Anthropic.Helpers;
using Anthropic.Models.Messages;
using CCGate.Tests.Infrastructure;
using CCGate.Tests.Infrastructure.Models;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Responses;

namespace CCGate.Tests.Conformance;

#pragma warning disable OPENAI001 // The client of responses may yet change, says OpenAI.

/// <summary>The official SDKs for .NET, each with a model of every provider behind the gateway.</summary>
public sealed class DotNetSdkTests
{
    private const string WeatherSchema = """{"type":"object","properties":{"city":{"type":"string","description":"Where"},"days":{"type":"integer"}},"required":["city"]}""";
    private const string Retold = "Köln 🌧 is 7 degrees on day 1; Paris is 5 degrees on day 2; Oslo is 4 degrees on day 3";

    private static readonly Dictionary<string, string> Degrees = new() { ["Köln 🌧"] = "7 degrees on day 1", ["Paris"] = "5 degrees on day 2", ["Oslo"] = "4 degrees on day 3" };

    public static TheoryData<string, bool> Kinds
    {
        get
        {
            var kinds = new TheoryData<string, bool>();
            foreach (var kind in ClientLibraries.Kinds)
            {
                kinds.Add(kind, false);
                kinds.Add(kind, true);
            }

            return kinds;
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task OpenAI_s_chat_client_calls_tools_in_several_turns(string kind, bool stream)
    {
        await using var gateway = await ModelGateway.StartAsync(kind);
        gateway.Begin(ModelScripts.Tools);
        var chat = OpenAi(gateway).GetChatClient(ClientLibraries.Protocol("openai").Model);
        var messages = new List<ChatMessage> { new SystemChatMessage("You are terse."), new UserChatMessage("How is the weather?") };
        var options = new ChatCompletionOptions { MaxOutputTokenCount = 1000, Tools = { ChatTool.CreateFunctionTool("get_weather", "The weather", BinaryData.FromString(WeatherSchema)) } };

        var (text, calls) = await AskAsync(chat, messages, options, stream);
        while (calls.Count > 0)
        {
            messages.Add(new AssistantChatMessage(calls));
            messages.AddRange(calls.Select(call => new ToolChatMessage(call.Id, Weather(call.FunctionArguments.ToString()))));
            (text, calls) = await AskAsync(chat, messages, options, stream);
        }

        Assert.True(gateway.Model.Refusals.IsEmpty, string.Join('\n', gateway.Model.Refusals));
        Assert.Equal(Retold, text);
        await gateway.AssertBilledAsync();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task OpenAI_s_responses_client_reads_a_text_and_its_usage(string kind, bool stream)
    {
        await using var gateway = await ModelGateway.StartAsync(kind);
        gateway.Begin(ModelScripts.Plain);
        var client = OpenAi(gateway).GetResponsesClient();
        var options = new CreateResponseOptions(ClientLibraries.Protocol("openai-responses").Model, [ResponseItem.CreateUserMessageItem("Hello")]) { Instructions = "You are terse.", StreamingEnabled = stream };

        ResponseResult? result = null;
        if (stream)
        {
            await foreach (var update in await client.CreateResponseStreamingAsync(options))
            {
                result = update is StreamingResponseCompletedUpdate completed ? completed.Response : result;
            }
        }
        else
        {
            result = await client.CreateResponseAsync(options);
        }

        var said = Assert.Single(gateway.Model.Said);
        Assert.Equal(ModelScripts.Greeting, result!.GetOutputText());
        Assert.Equal((said.Usage.PromptTokens, said.Usage.CacheReadTokens, said.Usage.OutputTokens), (result.Usage.InputTokenCount, result.Usage.InputTokenDetails.CachedTokenCount, result.Usage.OutputTokenCount));
        await gateway.AssertBilledAsync();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Anthropic_s_client_calls_tools_in_several_turns(string kind, bool stream)
    {
        await using var gateway = await ModelGateway.StartAsync(kind);
        gateway.Begin(ModelScripts.Tools);
        var client = Anthropic(gateway);
        var messages = new List<MessageParam> { new UserMessageParam("How is the weather?") };

        var answer = await AskAsync(client, messages, stream);
        while (Calls(answer) is { Count: > 0 } calls)
        {
            messages.Add(new AssistantMessageParam(calls.ConvertAll<ContentBlockParam>(call => new ToolUseBlockParam { ID = call.ID, Name = call.Name, Input = call.Input })));
            messages.Add(new UserMessageParam(calls.ConvertAll<ContentBlockParam>(call => new ToolResultBlockParam { ToolUseID = call.ID, Content = Weather(JsonSerializer.Serialize(call.Input)) })));
            answer = await AskAsync(client, messages, stream);
        }

        Assert.True(gateway.Model.Refusals.IsEmpty, string.Join('\n', gateway.Model.Refusals));
        Assert.Equal(Retold, string.Concat(answer.Content.Select(block => block.Value).OfType<TextBlock>().Select(block => block.Text)));
        Assert.Equal(gateway.Model.Said.Last().Usage.OutputTokens, answer.Usage.OutputTokens);
        await gateway.AssertBilledAsync();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task An_error_is_the_SDK_s_own_exception(string kind, bool stream)
    {
        await using var gateway = await ModelGateway.StartAsync(kind);
        gateway.Begin(ModelScripts.Fault(429));

        var openAi = await Assert.ThrowsAsync<ClientResultException>(() => AskAsync(
            OpenAi(gateway).GetChatClient(ClientLibraries.Protocol("openai").Model), [new UserChatMessage("Hello")], new ChatCompletionOptions(), stream));
        var anthropic = await Assert.ThrowsAsync<AnthropicRateLimitException>(() => AskAsync(Anthropic(gateway), [new UserMessageParam("Hello")], stream));

        Assert.Equal(429, openAi.Status);
        Assert.Contains("said the model", openAi.Message, StringComparison.Ordinal);
        Assert.Contains("said the model", anthropic.Message, StringComparison.Ordinal);
    }

    private static OpenAIClient OpenAi(ModelGateway gateway) => new(
        new ApiKeyCredential(TestGateway.Key), new OpenAIClientOptions { Endpoint = new Uri(gateway.Url + "/openai/v1"), RetryPolicy = new ClientRetryPolicy(0) });

    private static AnthropicClient Anthropic(ModelGateway gateway) => new() { BaseUrl = gateway.Url + "/anthropic", ApiKey = TestGateway.Key, MaxRetries = 0 };

    private static string Weather(string arguments) => Degrees[JsonElement.Parse(arguments).GetProperty("city").GetString()!];

    private static async Task<(string Text, IReadOnlyList<ChatToolCall> Calls)> AskAsync(ChatClient chat, List<ChatMessage> messages, ChatCompletionOptions options, bool stream)
    {
        if (!stream)
        {
            var completion = (await chat.CompleteChatAsync(messages, options)).Value;
            return (string.Concat(completion.Content.Select(part => part.Text)), completion.ToolCalls);
        }

        var text = new StringBuilder();
        var calls = new SortedDictionary<int, (string Id, string Name, StringBuilder Arguments)>();
        await foreach (var update in chat.CompleteChatStreamingAsync(messages, options))
        {
            text.AppendJoin("", update.ContentUpdate.Select(part => part.Text));
            foreach (var call in update.ToolCallUpdates)
            {
                calls.TryAdd(call.Index, (call.ToolCallId, call.FunctionName, new StringBuilder()));
                calls[call.Index].Arguments.Append(call.FunctionArgumentsUpdate);
            }
        }

        return (text.ToString(), [.. calls.Values.Select(call => ChatToolCall.CreateFunctionToolCall(call.Id, call.Name, BinaryData.FromString(call.Arguments.ToString())))]);
    }

    private static async Task<Message> AskAsync(AnthropicClient client, List<MessageParam> messages, bool stream)
    {
        var question = new MessageCreateParams
        {
            Model = ClientLibraries.Protocol("anthropic").Model,
            MaxTokens = 1000,
            System = "You are terse.",
            Messages = messages,
            Tools =
            [
                new Anthropic.Models.Messages.Tool
                {
                    Name = "get_weather",
                    Description = "The weather",
                    InputSchema = new InputSchema
                    {
                        Properties = new Dictionary<string, JsonElement> { ["city"] = JsonElement.Parse("""{"type":"string","description":"Where"}"""), ["days"] = JsonElement.Parse("""{"type":"integer"}""") },
                        Required = ["city"],
                    },
                },
            ],
        };
        if (!stream)
        {
            return await client.Messages.Create(question);
        }

        var aggregator = new MessageContentAggregator();
        await foreach (var _ in aggregator.CollectAsync(client.Messages.CreateStreaming(question)))
        {
        }

        return aggregator.Message();
    }

    private static List<ToolUseBlock> Calls(Message answer) => [.. answer.Content.Select(block => block.Value).OfType<ToolUseBlock>()];
}
