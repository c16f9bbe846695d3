namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>The tools a client offered, by what a model calls them: their names, or the shorter ones that an upstream was given instead.</summary>
internal sealed class OfferedTools
{
    private readonly Dictionary<string, Tool> byName = new(StringComparer.Ordinal);

    public OfferedTools(Conversation conversation)
    {
        foreach (var tool in conversation.Tools)
        {
            byName[tool.Name] = tool;
        }

        foreach (var tool in conversation.Tools)
        {
            byName.TryAdd(ToolNames.Fit(tool.Name), tool);
        }
    }

    /// <summary>Null when the model calls what nobody offered.</summary>
    public Tool? Find(string called) => byName.GetValueOrDefault(called);
}
