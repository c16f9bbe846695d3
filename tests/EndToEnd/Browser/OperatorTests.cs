using System.Net;
using System.Net.Http.Headers;
using CCGate.Tests.Infrastructure;
using Microsoft.Playwright;

namespace CCGate.Tests.EndToEnd.Browser;

/// <summary>What an operator does with a running gateway from the dashboard.</summary>
[Collection(nameof(Browser))]
public sealed class OperatorTests(Chromium chromium, DashboardGateway gateway)
{
    [Fact]
    public async Task Requests_go_elsewhere_while_an_upstream_is_drained()
    {
        await using var window = await OpenAsync("upstreams/sim");

        await OrderAsync(window, "Drain");
        await window.Button("Resume").WaitForAsync();
        Assert.Equal("spare", await UpstreamOfAsync("while it is drained"));

        await OrderAsync(window, "Resume");
        await window.Button("Drain").WaitForAsync();
        Assert.Equal("sim", await UpstreamOfAsync("after it was"));

        await OrderAsync(window, "Reset");
        await window.Button("Test").ClickAsync();
        await window.Button("Send").ClickAsync();
        await window.Dialog.GetByText("passed").First.WaitForAsync();
        Assert.Empty(window.Complaints());
    }

    [Fact]
    public async Task The_key_of_a_new_upstream_is_never_shown_again()
    {
        const string secret = "sk-new-upstream-9c41";
        gateway.Secrets.Add(secret);
        await using var window = await OpenAsync("upstreams/-/new");

        await window.Field("Id").FillAsync("fresh");
        await window.Field("Address").FillAsync("http://127.0.0.1:9");
        await window.Page.GetByLabel("Keys 1").FillAsync(secret);
        await window.Field("Priority").FillAsync("9");
        await window.Button("Save").ClickAsync();
        await window.Heading("fresh").WaitForAsync();
        await window.IsAtRestAsync();

        Assert.DoesNotContain(secret, await window.Page.ContentAsync(), StringComparison.Ordinal);
        foreach (var path in new[] { "/api/upstreams", "/api/audit", "/api/events?limit=1000" })
        {
            Assert.DoesNotContain(secret, (await gateway.Http.AskAsync(path)).GetRawText(), StringComparison.Ordinal);
        }

        await gateway.SendAsync(HttpMethod.Delete, "/api/upstreams/fresh");
        Assert.Empty(window.Complaints());
    }

    [Fact]
    public async Task A_price_is_looked_at_before_it_is_in_force()
    {
        await using var window = await OpenAsync("prices");

        await window.Button("Set a price").ClickAsync();
        await window.Dialog.GetByLabel("Model").FillAsync("house-model");
        foreach (var (rate, usd) in new[] { ("Input", "3"), ("Output", "15"), ("Cache read", "0.3"), ("Cache write 5 min", "3.75"), ("Cache write 1 h", "6") })
        {
            await window.Dialog.GetByRole(AriaRole.Textbox, new LocatorGetByRoleOptions { Name = rate, Exact = true }).FillAsync(usd);
        }

        await window.Dialog.GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Preview" }).ClickAsync();
        await window.Dialog.GetByText("Would be set:").WaitForAsync();
        Assert.DoesNotContain("house-model", (await gateway.Http.AskAsync("/api/prices")).GetRawText(), StringComparison.Ordinal);
        await window.Button("Put into force").ClickAsync();
        await window.Page.GetByText("The prices are in force.").WaitForAsync();

        await window.GoAsync("/dashboard/prices?model=house");
        await window.Page.GetByRole(AriaRole.Row).Filter(new LocatorFilterOptions { HasText = "house-model" }).WaitForAsync();
        Assert.Equal(2, await window.Page.GetByRole(AriaRole.Row).CountAsync());
        Assert.Empty(window.Complaints());
    }

    [Fact]
    public async Task The_bill_is_verified_rebuilt_and_rated_anew()
    {
        await using var window = await OpenAsync("billing?tab=checks");

        await window.Button("Verify").ClickAsync();
        await window.Page.GetByText("The bill is right").WaitForAsync();
        await window.Button("Rebuild").ClickAsync();
        await window.Page.GetByText("The same as before").First.WaitForAsync();
        await window.ScreenshotAsync("billing-checked");

        await window.GoAsync("/dashboard/billing?tab=rerate");
        var day = TimeProvider.System.GetUtcNow();
        await window.Page.Locator("input[type=file]").SetInputFilesAsync(new FilePayload { Name = "prices.json", MimeType = "application/json", Buffer = """{ "version": "dearer", "prices": [ { "model": "claude-*", "perMillion": { "input": 300, "output": 1500, "cacheRead": 30, "cacheWrite5m": 375, "cacheWrite1h": 600 } } ] }"""u8.ToArray() });
        await window.Field("First day").FillAsync(day.AddDays(-1).ToString("yyyy-MM-dd", null));
        await window.Field("Last day").FillAsync(day.AddDays(1).ToString("yyyy-MM-dd", null));
        await window.Button("Preview").ClickAsync();
        await window.Page.GetByText("requests differ.").WaitForAsync();
        await window.Button("Charge the difference").WaitForAsync();
        await window.ScreenshotAsync("billing-rerated");
        Assert.Empty(window.Complaints());
    }

    [Fact]
    public async Task A_token_asks_the_api_until_it_is_revoked()
    {
        await using var window = await OpenAsync("tokens");

        await window.Button("Issue a token").ClickAsync();
        await window.Dialog.GetByLabel("Name").FillAsync("robot");
        await window.Dialog.GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Issue a token" }).ClickAsync();
        await window.Button("Copy: Token").ClickAsync();
        await window.Button("Copied: Token").WaitForAsync();
        var token = await window.Page.EvaluateAsync<string>("navigator.clipboard.readText()");
        gateway.Secrets.Add(token);
        await window.Button("I have copied it").ClickAsync();
        Assert.Equal(HttpStatusCode.OK, await StatusWithAsync(token));

        await window.Button("Revoke: robot").ClickAsync();
        await window.Button("Revoke").ClickAsync();
        await window.Dialog.WaitForAsync(new LocatorWaitForOptions { State = WaitForSelectorState.Hidden });
        await Eventually.PassesAsync(async () => Assert.Equal(HttpStatusCode.Unauthorized, await StatusWithAsync(token)));
        Assert.Empty(window.Complaints());
    }

    private async Task<DashboardWindow> OpenAsync(string path)
    {
        var window = await chromium.OpenAsync(gateway.Url);
        await window.HasSessionAsync();
        await window.GoAsync("/dashboard/" + path);
        return window;
    }

    /// <summary>Presses the button and says yes.</summary>
    private static async Task OrderAsync(DashboardWindow window, string order)
    {
        await window.Button(order).ClickAsync();
        await window.Dialog.GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = order, Exact = true }).ClickAsync();
        await window.Dialog.WaitForAsync(new LocatorWaitForOptions { State = WaitForSelectorState.Hidden });
    }

    /// <summary>Who answers a conversation that has not been anywhere before.</summary>
    private async Task<string> UpstreamOfAsync(string conversation)
    {
        using var response = await gateway.AnswerAsync(TestGateway.Key, session: conversation);
        await response.Content.ReadAsByteArrayAsync();
        return response.Headers.GetValues("x-ccgate-upstream").Single();
    }

    private async Task<HttpStatusCode> StatusWithAsync(string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/usage");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await gateway.Http.SendAsync(request);
        return response.StatusCode;
    }
}
