namespace CCGate.Proxy.Limits;

/// <summary>What a request takes of a limit, or may take: money, tokens, and its own number.</summary>
internal readonly record struct Amounts(long Pico, long Tokens, long Requests)
{
    /// <summary>Where there is no limit.</summary>
    public const long Unlimited = long.MaxValue;

    public static readonly Amounts Everything = new(Unlimited, Unlimited, Unlimited);

    public bool IsNothing => this == default;

    public static Amounts operator +(Amounts left, Amounts right) => new(left.Pico + right.Pico, left.Tokens + right.Tokens, left.Requests + right.Requests);

    public static Amounts operator -(Amounts left, Amounts right) => new(left.Pico - right.Pico, left.Tokens - right.Tokens, left.Requests - right.Requests);

    public bool FitsInto(Amounts available) => Pico <= available.Pico && Tokens <= available.Tokens && Requests <= available.Requests;

    public static Amounts Min(Amounts left, Amounts right) =>
        new(Math.Min(left.Pico, right.Pico), Math.Min(left.Tokens, right.Tokens), Math.Min(left.Requests, right.Requests));

    public static Amounts Max(Amounts left, Amounts right) =>
        new(Math.Max(left.Pico, right.Pico), Math.Max(left.Tokens, right.Tokens), Math.Max(left.Requests, right.Requests));

    /// <summary>What a limit leaves when so much of it is used.</summary>
    public Amounts Without(Amounts used) => new(Rest(Pico, used.Pico), Rest(Tokens, used.Tokens), Rest(Requests, used.Requests));

    /// <summary>A limit and what was added to it for a time.</summary>
    public Amounts Extended(Amounts extra) => new(Sum(Pico, extra.Pico), Sum(Tokens, extra.Tokens), Sum(Requests, extra.Requests));

    /// <summary>The part that a limit counts: what it does not limit is not added up, and so cannot overflow.</summary>
    public Amounts LimitedBy(Amounts max) =>
        new(max.Pico == Unlimited ? 0 : Pico, max.Tokens == Unlimited ? 0 : Tokens, max.Requests == Unlimited ? 0 : Requests);

    private static long Rest(long max, long used) => max == Unlimited ? Unlimited : max - used;

    private static long Sum(long max, long extra) => extra > Unlimited - max ? Unlimited : max + extra;
}
