// Everything put together.

makeScene();
makeExamples();
makeGradient();
showParts();
showSettings();
listenToBoxes();
listenToParts();
listenToBall();
listenToCode();
new ResizeObserver(measured).observe(byId("scene"));
dark.addEventListener("change", refreshAll);
refreshAll();

// For a console, and for tests: what the page computes with.
window.boxloss = { wholeLoss, valueAndGrad, iouOf, termValues, descent, corners, state, rolling };
