namespace CCGate.Proxy.Translation.Anthropic;

/// <summary>What a model accepts, told by its name.</summary>
/// <remarks>
/// <code>
/// claude-3-7-sonnet-20250219      family and version in either order, a date at the end
/// us.anthropic.claude-opus-4-6-v1:0
/// claude-fable-5.1
/// </code>
/// Numbers of one or two digits are the version. A Claude without one is taken for a new one; a model that is no Claude, behind an address that speaks this
/// protocol, for one that knows what all of them know.
/// Thinking: https://platform.claude.com/docs/en/build-with-claude/thinking-troubleshooting
/// </remarks>
internal readonly record struct ClaudeModel(string Family, int Version)
{
    private const string Name = "claude-";
    private const int Newest = int.MaxValue;

    /// <summary>Thinks as it likes, and is told an effort; the others are told a budget.</summary>
    public bool ThinksAdaptively => IsClaude && Version >= 46;

    /// <summary>Thinks when nothing is said.</summary>
    public bool ThinksByDefault => IsClaude && Version >= 50;

    /// <summary>Refuses to be told not to think.</summary>
    public bool AlwaysThinks => Family is "fable" or "mythos" || (IsClaude && Version >= 55);

    /// <summary>Can be told to think at all.</summary>
    public bool Thinks => !IsClaude || Version >= 37;

    /// <summary>Refuses <c>temperature</c>, <c>top_p</c> and <c>top_k</c> whatever their values are.</summary>
    public bool RefusesSampling => IsClaude && Version >= 47;

    /// <summary>Refuses a temperature beside a <c>top_p</c>.</summary>
    public bool TakesOneSampling => IsClaude && Version >= 41;

    /// <summary>Knows the effort <c>xhigh</c>.</summary>
    public bool KnowsExtraHigh => IsClaude && Version >= 47;

    /// <summary>Knows <c>output_config.format</c> and strict tools: https://platform.claude.com/docs/en/build-with-claude/structured-outputs</summary>
    public bool FollowsSchemas => !IsClaude || Version >= 45 || (Family == "opus" && Version == 41);

    /// <summary>What it surely may be asked to write: https://platform.claude.com/docs/en/about-claude/models/overview</summary>
    public long MaxOutputTokens => !IsClaude ? 64_000 : Version switch
    {
        < 35 => 4096,
        < 37 => 8192,
        40 or 41 when Family == "opus" => 32_000,
        _ => 64_000,
    };

    private bool IsClaude => Family.Length > 0;

    public static ClaudeModel Of(string model)
    {
        var start = model.IndexOf(Name, StringComparison.OrdinalIgnoreCase);
        if (start < 0)
        {
            return new ClaudeModel("", Newest);
        }

        var (family, major, minor) = ("claude", -1, 0);
        var rest = model.AsSpan(start + Name.Length);
        foreach (var range in rest.SplitAny('-', '.', '@', '_', ':', '['))
        {
            var word = rest[range];
            if (word.Length is 1 or 2 && int.TryParse(word, out var number) && number >= 0)
            {
                (major, minor) = major < 0 ? (number, 0) : (major, Math.Min(number, 9));
            }
            else if (word.Length > 2 && char.IsAsciiLetter(word[0]) && family == "claude")
            {
                family = word.ToString().ToLowerInvariant();
            }
            else if (major >= 0)
            {
                break; // What comes behind the version and is no family is a date or a revision.
            }
        }

        return new ClaudeModel(family, major < 0 ? Newest : (major * 10) + minor);
    }
}
