namespace CCGate.Hosting.Storage;

/// <summary>What of the spend table counts against limits, in the words of all who ask for it: two that counted differently would promise what is not there.</summary>
internal static class SpendSql
{
    /// <summary>In picodollars, with what stays held for usage that nobody reported.</summary>
    public const string Pico = "sum(spend_pico + unsettled_pico)";

    /// <summary>In tokens of all classes, with those that stay held.</summary>
    public const string Tokens = "sum(input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens + output_tokens + unsettled_tokens)";
}
