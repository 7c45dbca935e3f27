// Everything put together.

makeScene();
makeExamples();
showParts();
showSettings();
listenToBoxes();
listenToAngles();
listenToParts();
listenToBall();
listenToCode();
new ResizeObserver(measured).observe(byId("scene"));
dark.addEventListener("change", refreshAll);
refreshAll();

// For a console, and for tests: what the page computes with.
window.boxloss = { wholeLoss, refusal, valueAndGrad, iouOf, termValues, descent, corners, decoded, state, rolling };
