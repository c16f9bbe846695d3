using System.Collections.Immutable;
using System.Globalization;
using CCGate.Hosting.Tenants;

namespace CCGate.Hosting.Configuration;

/// <summary>Reads tenants.json, the Node project's included.</summary>
internal static class TenantsFile
{
    public const string Name = "tenants.json";

    // Above any number of tokens there will be, and sums of them stay far from the end of 64 bits.
    private const long LargestCount = 1_000_000_000_000_000;

    private static readonly (string, DayOfWeek)[] WeekDays =
        [.. Enum.GetValues<DayOfWeek>().Select(day => (day.ToString().ToLowerInvariant(), day))];

    public static GatewayConfig Read(ConfigNode root, GatewayConfig config)
    {
        var tenants = ImmutableArray.CreateBuilder<TenantConfig>();
        var seen = new Seen();
        foreach (var node in root.Objects("tenants"))
        {
            if (ReadTenant(node, ReadKeys(node, seen)) is not { } tenant)
            {
                continue;
            }

            if (!seen.Tenants.Add(tenant.Id))
            {
                node.Error("id", $"\"{tenant.Id}\" is used twice", "an id of its own for each tenant");
            }

            tenants.Add(tenant);
        }

        root.Finish();
        config = CheckTree(root, config with { Tenants = tenants.ToImmutable() });
        config = config with { Tenants = [.. config.Tenants.Select(tenant => Inherit(tenant, config))] };
        foreach (var (index, tenant) in config.Tenants.Index())
        {
            CheckAliases(root, $"tenants[{index}].", tenant);
        }

        return config;
    }

    /// <summary>One tenant as an operator declares it at run time: without keys, which are issued apart from it.</summary>
    /// <param name="node">An entry of tenants.json.</param>
    public static TenantConfig? ReadDocument(ConfigNode node)
    {
        foreach (var member in (ReadOnlySpan<string>)["key", "keys"])
        {
            if (node.Has(member))
            {
                node.Error(member, "cannot be declared with a tenant at run time", "nothing: keys are issued, so that their secrets are made here");
            }
        }

        return ReadTenant(node, []);
    }

    /// <summary>A tenant with what it has from those above it: their aliases, but for names it has an entry of its own for; and whoever disables a tenant or lets it expire means everybody below it.</summary>
    public static TenantConfig Inherit(TenantConfig tenant, GatewayConfig config)
    {
        if (tenant.Parent is null)
        {
            return tenant;
        }

        var path = config.PathOf(tenant).ToList();
        return tenant with
        {
            ModelAliases = path.Select(above => above.ModelAliases).Aggregate((nearer, above) => nearer.Over(above)),
            Enabled = path.TrueForAll(above => above.Enabled),
            ExpiresAt = path.Min(above => above.ExpiresAt),
        };
    }

    public static void CheckAliases(ConfigNode node, string path, TenantConfig tenant)
    {
        foreach (var (alias, target) in tenant.ModelAliases.Entries)
        {
            if (tenant.ModelAliases.Names.Contains(target, StringComparer.OrdinalIgnoreCase) && !target.Equals(tenant.ModelAliases.Find(target), StringComparison.OrdinalIgnoreCase))
            {
                node.Error($"{path}modelAliases.{alias}", $"\"{target}\" is an alias itself, and a name is replaced only once", "the name of a model");
            }
        }
    }

    private static GatewayConfig CheckTree(ConfigNode root, GatewayConfig config)
    {
        foreach (var tenant in config.Tenants.Where(tenant => tenant.Parent is not null))
        {
            if (config.FindTenant(tenant.Parent!) is null)
            {
                root.Error("tenants", $"the parent \"{tenant.Parent}\" of \"{tenant.Id}\" does not exist", "the id of another tenant");
            }
            else if (config.PathOf(tenant).Last().Parent is { } ring && config.FindTenant(ring) is not null)
            {
                root.Error("tenants", $"the parents of \"{tenant.Id}\" lead back to \"{ring}\"", "a tree: no tenant above itself");
            }
        }

        return config;
    }

    private static TenantConfig? ReadTenant(ConfigNode node, ImmutableArray<KeyConfig> keys)
    {
        var id = node.RequiredString("id");
        if (id is not null)
        {
            CheckId(node, id);
        }

        var tenant = new TenantConfig
        {
            Id = id ?? "",
            Name = node.String("name") ?? id ?? "",
            Keys = keys,
            Enabled = node.Boolean("enabled", true),
            Groups = node.Strings("groups", ["default"]),
            ModelAliases = node.Models("modelAliases"),
            AllowedModels = node.Strings("allowedModels", ["*"]),
            TimeZone = ReadTimeZone(node),
            HoldPolicy = node.Choice("holdPolicy", HoldPolicy.Clamp, ("clamp", HoldPolicy.Clamp), ("refuse", HoldPolicy.Refuse)),
            MinOutputTokens = node.Integer("minOutputTokens", 1024, 1, 1_000_000),
            Abort = node.Has("abort") ? node.Abort() : null,
            Limits = ReadLimits(node.Object("limits")),
            ResetTime = ReadResetTime(node),
            WeekStartsOn = node.Choice("weekStartsOn", DayOfWeek.Monday, WeekDays),
            MonthStartsOn = (int)node.Integer("monthStartsOn", 1, 1, 28),
            Parent = node.String("parent"),
            Note = node.String("note"),
            ExpiresAt = node.Instant("expiresAt"),
        };

        node.String("description");
        node.Finish();
        return id is null ? null : tenant;
    }

    public static void CheckId(ConfigNode node, string id)
    {
        // The id is part of stream names, which are separated by slashes, and of addresses, where "keys/.." would be the tenant itself.
        if (id is "." or ".." || id.Length > 128 || id.Any(c => char.IsControl(c) || c == '/'))
        {
            node.Error("id", "is too long, has a slash or a control character, or is . or ..", "1 to 128 characters without them");
        }
    }

    private static ImmutableArray<KeyConfig> ReadKeys(ConfigNode node, Seen seen)
    {
        var keys = ImmutableArray.CreateBuilder<KeyConfig>();
        var ids = new HashSet<string>(StringComparer.Ordinal);
        if (node.Has("key"))
        {
            AddKey(node, "default");
        }

        foreach (var key in node.Objects("keys"))
        {
            AddKey(key, key.RequiredString("id") ?? "");
            key.Finish();
        }

        if (keys.Count == 0 && !node.Has("key") && !node.Has("keys"))
        {
            node.Error("key", "is missing", "key, or keys with an id and a key each; an empty list for a tenant that only has others below it");
        }

        return keys.ToImmutable();

        void AddKey(ConfigNode holder, string id)
        {
            if (!ids.Add(id))
            {
                holder.Error("id", $"\"{id}\" is used twice", "an id of its own for each key of the tenant (\"key\" has the id \"default\")");
            }

            if (holder.RequiredString("key") is not { } written)
            {
                return;
            }

            if (SecretHash.Parse(written) is not { } secret)
            {
                holder.Error("key", "is not a hash", "the key itself, or sha256: and 64 hexadecimal digits");
            }
            else if (!seen.Keys.Add(secret))
            {
                holder.Error("key", "is used twice: it could not tell who pays", "a key of its own for each tenant");
            }
            else
            {
                keys.Add(holder == node ? new KeyConfig(id, secret) : new KeyConfig(id, secret)
                {
                    Limits = ReadLimits(holder.Object("limits")),
                    Label = holder.String("label"),
                    ExpiresAt = holder.Instant("expiresAt"),
                });
            }
        }
    }

    private static TimeZoneInfo ReadTimeZone(ConfigNode node)
    {
        if (node.String("timezone") is not { } name)
        {
            return TimeZoneInfo.Utc;
        }

        if (TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone))
        {
            return zone;
        }

        node.Error("timezone", $"\"{name}\" is not known on this machine", "an IANA name such as Europe/Berlin; on Debian they come with the package tzdata");
        return TimeZoneInfo.Utc;
    }

    /// <summary>The read model counts by quarter hours, so a day can begin on one and nowhere else.</summary>
    private static TimeOnly ReadResetTime(ConfigNode node)
    {
        if (node.String("resetTime") is not { } written)
        {
            return TimeOnly.MinValue;
        }

        if (TimeOnly.TryParseExact(written, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time) && time.Minute % 15 == 0)
        {
            return time;
        }

        node.Error("resetTime", $"\"{written}\" is not a quarter hour of the day", "a time such as 06:00 or 23:45");
        return TimeOnly.MinValue;
    }

    public static LimitsConfig ReadLimits(ConfigNode? node)
    {
        if (node is null)
        {
            return LimitsConfig.None;
        }

        var windows = ImmutableArray.CreateBuilder<WindowLimit>();
        foreach (var window in Enum.GetValues<LimitWindow>())
        {
            if (node.Object(WindowLimit.NameOf(window)) is not { } limit)
            {
                continue;
            }

            windows.Add(new WindowLimit(
                window,
                limit.Number("maxUSD", 0m, 9_000_000m),
                (long?)limit.Number("maxTokens", 0, LargestCount, whole: true),
                (long?)limit.Number("maxRequests", 0, LargestCount, whole: true)));
            limit.Finish(unknownIsError: true);
        }

        var limits = new LimitsConfig
        {
            Windows = windows.ToImmutable(),
            RequestsPerMinute = (long?)node.Number("requestsPerMinute", 0, LargestCount, whole: true),
            TokensPerMinute = (long?)node.Number("tokensPerMinute", 0, LargestCount, whole: true),
            ConcurrentRequests = (long?)node.Number("concurrentRequests", 0, LargestCount, whole: true),
            ConcurrentSessions = (long?)node.Number("concurrentSessions", 0, LargestCount, whole: true),
            AlertAt = node.Numbers("alertAt", 0.01m, 1m, LimitsConfig.None.AlertAt),
        };
        node.Finish(unknownIsError: true);
        return limits;
    }

    private sealed class Seen
    {
        public HashSet<string> Tenants { get; } = new(StringComparer.Ordinal);

        public HashSet<SecretHash> Keys { get; } = [];
    }
}
