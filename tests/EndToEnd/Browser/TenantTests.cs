using CCGate.Tests.Infrastructure;
using Microsoft.Playwright;

namespace CCGate.Tests.EndToEnd.Browser;

/// <summary>The dashboard of somebody who has a key and nothing else.</summary>
[Collection(nameof(Browser))]
public sealed class TenantTests(Chromium chromium, DashboardGateway gateway)
{
    [Fact]
    public async Task A_tenant_sees_its_limits_and_its_own_requests_until_its_key_is_revoked()
    {
        await gateway.PostAsync("/api/tenants", new { document = new { id = "guest", name = "Guest", limits = new { daily = new { maxUSD = 1 } } } });
        var key = await gateway.IssueKeyAsync("guest", new { id = "phone" });
        await gateway.AskAsync(key, session: "of-the-guest");
        await using var window = await chromium.OpenAsync(gateway.Url);

        await window.GoAsync("/dashboard");
        await window.Page.GetByRole(AriaRole.Tab, new PageGetByRoleOptions { Name = "With a key" }).ClickAsync();
        await window.Field("Key").FillAsync(key);
        await window.Button("Sign in").ClickAsync();
        await window.Heading("Guest").WaitForAsync();
        await window.Page.GetByRole(AriaRole.Progressbar).First.WaitForAsync();
        var rows = window.Page.GetByRole(AriaRole.Table, new PageGetByRoleOptions { Name = "Recent requests" }).GetByRole(AriaRole.Row);
        await Eventually.HoldsAsync(async () => await rows.CountAsync() == 2, "the heading and its one request");
        await window.ScreenshotAsync("guest");

        await window.GoAsync("/dashboard/tenants");
        await window.Page.GetByText("There is no such page").WaitForAsync();

        await window.GoAsync("/dashboard/me");
        await window.Heading("Guest").WaitForAsync();
        await gateway.SendAsync(HttpMethod.Delete, "/api/tenants/guest/keys/phone");
        await window.Button("Sign in").WaitForAsync();
        Assert.Empty(window.Complaints("401"));
    }
}
