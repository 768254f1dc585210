# rekall in PowerShell: completion, and a key that searches what is on the line.

Register-ArgumentCompleter -Native -CommandName rekall -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @()
    foreach ($element in ($commandAst.CommandElements | Select-Object -Skip 1)) {
        if ($element.Extent.EndOffset -lt $cursorPosition) {
            if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
                $words += $element.Value
            } else {
                $words += $element.Extent.Text
            }
        }
    }
    $last = $wordToComplete.Trim("'", '"')
    $encoding = [Console]::OutputEncoding
    [Console]::OutputEncoding = [System.Text.Encoding]::UTF8
    $answer = @(& rekall __complete powershell @words "=$last" 2>$null)
    [Console]::OutputEncoding = $encoding
    if ($answer.Count -eq 0 -or $answer[0] -eq 'files' -or $answer[0] -eq 'folders') {
        return
    }
    foreach ($line in ($answer | Select-Object -Skip 1)) {
        $value, $shown, $help = $line -split "`t"
        [System.Management.Automation.CompletionResult]::new($value, $shown, 'ParameterValue', $help)
    }
}

function Invoke-RekallPick {
    $line = $null
    $cursor = $null
    [Microsoft.PowerShell.PSConsoleReadLine]::GetBufferState([ref]$line, [ref]$cursor)
    $found = (& rekall __insert "=$line") -join "`n"
    if ($found) {
        [Microsoft.PowerShell.PSConsoleReadLine]::RevertLine()
        [Microsoft.PowerShell.PSConsoleReadLine]::Insert($found)
    }
    [Microsoft.PowerShell.PSConsoleReadLine]::InvokePrompt()
}
